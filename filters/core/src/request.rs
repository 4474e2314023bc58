//! A request's body on its way through the scanner.

use crate::config::Limits;
use crate::endpoint::Dialect;
use crate::models::Models;
use crate::scan::{Refusal, Scanner};

/// Reads a body as it arrives.
#[derive(Debug)]
pub struct RequestReader {
    scanner: Scanner,
}

/// A whole request.
pub struct Request<'a> {
    /// Its body.
    pub body: &'a [u8],
}

impl RequestReader {
    /// A reader for a body of `dialect`.
    pub fn new(dialect: Dialect, limits: &Limits) -> RequestReader {
        RequestReader {
            scanner: Scanner::new(dialect, limits.max_depth),
        }
    }

    /// Reads what is new in `body`, which holds every byte received so far.
    pub fn push(&mut self, body: &[u8]) -> Result<(), Refusal> {
        self.scanner.push(body, &mut ())
    }

    /// Ends the body.
    pub fn finish<'a>(
        mut self,
        body: &'a [u8],
        _: Option<&str>,
        _: &Models,
    ) -> Result<Request<'a>, Refusal> {
        self.scanner.push(body, &mut ())?;
        self.scanner.finish(body, &mut ())?;
        Ok(Request { body })
    }
}
