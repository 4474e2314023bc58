//! placeholder
use crate::{config::Limits, endpoint::Dialect, models::Models, scan::Refusal};
/// r
#[derive(Debug)]
pub struct RequestReader;
/// r
pub struct Request<'a> {
    /// b
    pub body: &'a [u8],
}
impl RequestReader {
    /// n
    pub fn new(_: Dialect, _: &Limits) -> RequestReader {
        RequestReader
    }
    /// p
    pub fn push(&mut self, body: &[u8]) -> Result<(), Refusal> {
        if body.first() == Some(&b'{') {
            Ok(())
        } else {
            Err(Refusal)
        }
    }
    /// f
    pub fn finish<'a>(
        self,
        body: &'a [u8],
        _: Option<&str>,
        _: &Models,
    ) -> Result<Request<'a>, Refusal> {
        Ok(Request { body })
    }
}
