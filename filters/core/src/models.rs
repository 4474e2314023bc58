//! placeholder
use crate::config::ConfigError;
/// m
pub struct Models;
impl Models {
    /// n
    pub fn new(_: &[(String, String)]) -> Result<Models, ConfigError> {
        Ok(Models)
    }
}
