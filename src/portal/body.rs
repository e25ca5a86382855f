//! The bytes of an answer, up to a limit.

/// Most bytes of an answer that holds a few words: an error, or a token.
pub(super) const MAX_WORDS: usize = 1 << 20;

pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    /// Whether there is more than the limit, which is not read.
    pub(super) cut: bool,
}

/// Reads a body up to a limit, counted after inflation.
pub(super) async fn read(mut response: reqwest::Response, limit: usize) -> Result<Body, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok(Body { bytes, cut: true });
        }
    }
    Ok(Body { bytes, cut: false })
}
