//! The request scanner.

use tollgate_core::endpoint::Dialect;
use tollgate_core::scan::{Event, Scanner, Sink};

/// Scans a chat body and counts messages and bytes of text.
pub fn scan(body: &[u8]) -> u64 {
    let mut scanner = Scanner::new(Dialect::Chat, 64);
    let mut count = Count(0);
    scanner
        .push(body, &mut count)
        .expect("the bench's body is a chat request");
    let fields = scanner.finish(body, &mut count).expect("and a whole one");
    count.0 << 20 | u64::from(fields.messages)
}

struct Count(u64);

impl Sink for Count {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Text(text) = event {
            self.0 += text.bytes.len() as u64;
        }
    }
}
