//! Reads of buffers, and what handing them over costs. What is held and goes on is shown by
//! scenarios.

use tollgate_host::{Plugin, Protocol, StreamOptions};

use crate::guest::{BODY, worker};

const POST: [(&str, &str); 3] = [(":method", "POST"), (":path", "/"), ("content-length", "5")];

#[test]
fn get_buffer_clamps_and_allocates_only_for_bytes() {
    // (buffer, start, max, status, allocations, length)
    let rows = [
        (0, 0, -1, 0, 1, 5),
        (0, 1, 2, 0, 1, 2),
        (0, 3, 99, 0, 1, 2),
        (0, 5, 1, 0, 0, 0),
        (0, 6, 1, 0, 0, 0),
        (0, 0, 0, 0, 0, 0),
        // What is not there is an empty buffer; callouts' bodies and configurations are not.
        (1, 0, 1, 0, 0, 0),
        (2, 0, 1, 0, 0, 0),
        (3, 0, 1, 0, 0, 0),
        (4, 0, 1, 1, 0, 77),
        (5, 0, 1, 0, 0, 0),
        (7, 0, 1, 1, 0, 77),
        (8, 0, 1, 0, 0, 0),
        (9, 0, 1, 2, 0, 77),
    ];
    for (buffer, start, max, status, allocations, length) in rows {
        let source = format!(
            r#"(func (export "proxy_on_request_body") {BODY}
                (i32.store #20 #77)
                (drop (call $get_buffer #{buffer} #{start} #{max} #16 #20))
                (i32.add #10 (i32.load #20)))"#
        );
        let worker = worker(&source, Plugin::default());
        let options = StreamOptions {
            client: Protocol::Http2,
            ..StreamOptions::default()
        };
        let mut stream = worker.open_with(options);
        stream.request(POST, "hello");
        let calls = worker.transcript();
        let row = format!("{buffer} {start} {max}");
        assert_eq!(calls.last().unwrap().result, Some(status), "{row}");
        assert_eq!(calls[calls.len() - 2].result, Some(10 + length), "{row}");
        assert_eq!(stream.costs().handovers, allocations, "{row}");
    }
}
