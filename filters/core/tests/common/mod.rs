//! Every way a text can arrive.

/// Above this many bytes, cuts are sampled: trying each would be quadratic.
const EVERY_CUT: usize = 1_000;

/// The chunkings a stream parser must not notice: whole, cut in two at every byte (with
/// an empty chunk at either end), and byte by byte.
pub fn chunkings(bytes: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let stride = if bytes.len() <= EVERY_CUT {
        1
    } else {
        bytes.len() / 61
    };
    let whole = std::iter::once(vec![bytes]);
    let cuts = (0..=bytes.len())
        .step_by(stride)
        .map(|at| vec![&bytes[..at], &bytes[at..]]);
    let each_byte = std::iter::once(bytes.chunks(1).collect());
    whole.chain(cuts).chain(each_byte)
}
