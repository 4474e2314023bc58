//! placeholder
use crate::endpoint::Dialect;
/// r
#[derive(Debug)]
pub struct ResponseReader(u64);
/// r
#[derive(Debug, Clone)]
pub struct ResponseSummary {
    /// b
    pub bytes: u64,
}
impl ResponseReader {
    /// n
    pub fn new(_: Dialect, _: &[u8]) -> Option<ResponseReader> {
        Some(ResponseReader(0))
    }
    /// p
    pub fn push(&mut self, c: &[u8]) {
        self.0 = self.0.saturating_add(c.len() as u64)
    }
    /// f
    pub fn finish(self) -> ResponseSummary {
        ResponseSummary { bytes: self.0 }
    }
}
