//! The one layout of offer files, which `import` writes and `fmt` gives to what people wrote.
//!
//! The order of keys stays, and so do comments, anchors, tags, and the way that numbers are written. The law: the new text
//! reads as the same tree, with the same comments in the same order. It is checked for each text that is laid out.

mod read;
mod said;
mod write;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use said::Said;

use crate::diagnostic::Source;
use crate::workspace::MAX_DEPTH;

/// Why a file keeps the layout that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// The line of what cannot be laid out.
    pub(crate) line: usize,
}

/// Returns a file in the one layout. `names` has the new names of keys, by the byte where each starts.
///
/// # Errors
/// When the result would not say the same, and for what is no YAML.
pub(crate) fn lay_out(source: &Source, names: &BTreeMap<usize, String>) -> Result<String, Left> {
    let text = &*source.text;
    let left = |at: usize| Left { line: text[..at.min(text.len())].matches('\n').count() + 1 };
    let (Some(document), Ok(before)) = (read::read(text, names), Said::of(text, names)) else {
        return Err(left(0));
    };
    let mut laid = write::write(&document);
    let check = |laid: &str| {
        let after = Said::of(laid, &BTreeMap::new()).unwrap_or_else(|partial| partial);
        before.differs(&after).map_or(Ok(()), |at| Err(left(at)))
    };
    check(&laid)?;
    if text.contains("\r\n") {
        laid = laid.replace('\n', "\r\n");
        check(&laid)?;
    }
    Ok(laid)
}

fn options(emit_comments: bool) -> serde_yaml::Options {
    serde_yaml::options! {
        emit_comments: emit_comments,
        emit_anchor_events: true,
        disallow_directives: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
        max_buffered_comment_events: usize::MAX,
    }
}
