//! placeholder
/// Refusal
#[derive(Debug)]
pub struct Refusal;
impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("not JSON")
    }
}
impl Refusal {
    /// p
    pub fn param(&self) -> Option<String> {
        None
    }
}
