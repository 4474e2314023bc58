//! Tells the upstream who sent a request, and lets nobody into /private.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

proxy_wasm::main! {{
    proxy_wasm::set_http_context(|_, _| Box::new(Hello));
}}

struct Hello;

impl Context for Hello {}

impl HttpContext for Hello {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let path = self.get_http_request_header(":path").unwrap_or_default();
        if path.starts_with("/private") {
            self.send_http_response(403, vec![("x-hello", "no")], Some(b"not here\n"));
            return Action::Pause;
        }
        let agent = self
            .get_http_request_header("user-agent")
            .unwrap_or("nobody".into());
        self.set_http_request_header("x-hello", Some(&agent));
        self.set_http_request_header("user-agent", None);
        Action::Continue
    }
}
