;; The least a filter that answers a request by its body can do: it holds the body, copies it into
;; its memory once it is whole, and answers a constant. HEADERS and ANSWER stand for bytes,
;; HEADERS_LENGTH and ANSWER_LENGTH for how many they are.
(module
  (import "env" "proxy_get_buffer_bytes"
    (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 1024) "HEADERS")
  (data (i32.const 4096) "ANSWER")
  (func (export "proxy_abi_version_0_2_1"))
  ;; Nothing but the body is ever asked for.
  (func (export "malloc") (param i32) (result i32) (i32.const 131072))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (i32.const 1))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (if (local.get 2) (then
      (drop (call $get_buffer (i32.const 0)
        (i32.const 0) (i32.const -1) (i32.const 16) (i32.const 20)))
      (drop (call $respond (i32.const 200) (i32.const 0) (i32.const 0)
        (i32.const 4096) (i32.const ANSWER_LENGTH)
        (i32.const 1024) (i32.const HEADERS_LENGTH) (i32.const -1)))))
    (i32.const 1)))
