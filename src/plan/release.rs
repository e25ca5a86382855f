//! Which release steps an offer needs, from what its slots hold and what runs.
//!
//! ```text
//!            publish              go live
//!   draft ───────────► preview ───────────► production
//!            (await sign-off)     (await live)
//! ```
//!
//! The state is the portal's alone, so a run that was cut off is picked up by planning again: an operation for the
//! same content is joined, one that waits for sign-off is carried on, nothing is started twice.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diff::{self, Change};
use crate::document;
use crate::model::{Digest, Node};
use crate::schema::Shape;
use crate::workspace::Through;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Content {
    /// A document with this canonical digest.
    Known(Digest),
    /// The portal does not say.
    Unknown,
}

/// The operation that the portal runs for an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum InProgress {
    Nothing,
    /// A publish before its sign-off.
    Publishing(Content),
    /// A publish that waits for the publisher's sign-off.
    AwaitingSignoff,
    GoingLive(Content),
}

/// What the planner knows of an offer beyond its draft. Read only when the plan goes beyond the draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReleaseView {
    /// The canonical digest of the preview slot.
    pub(crate) preview: Option<Digest>,
    /// The canonical digest of the production slot.
    pub(crate) production: Option<Digest>,
    pub(crate) in_progress: InProgress,
    pub(crate) production_document: Option<Value>,
    /// How long the portal says that its steps take, in their order.
    pub(crate) estimates: Vec<Estimate>,
}

/// How long the portal says that one of its steps takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Estimate {
    pub(crate) step: String,
    pub(crate) estimate: String,
}

impl ReleaseView {
    /// An offer that was never released.
    pub(crate) const NOTHING: Self = Self {
        preview: None,
        production: None,
        in_progress: InProgress::Nothing,
        production_document: None,
        estimates: Vec::new(),
    };

    /// What goes live with a plan that did not ask for it: what the draft holds otherwise than production, at places that
    /// the plan leaves as they are. `changes` are the plan's own. Secrets are removed, also those that only the file
    /// declares as such.
    pub(super) fn rides_along(&self, draft: &Value, changes: &[Change], declared: &Node, shape: &Shape) -> Vec<Change> {
        let Some(production) = &self.production_document else { return Vec::new() };
        let without = |document: &Value| document::redacted_beside(document, Some(declared), shape);
        let mut found = diff::between(&without(production), &without(draft), shape);
        found.retain(|ride| !changes.iter().any(|change| ride.address.is_within(&change.address)));
        found
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReleaseStep {
    Publish,
    /// A publish of this content runs already; it is waited for.
    JoinPublish,
    /// Wait until the portal asks for the publisher's sign-off.
    AwaitSignoff,
    GoLive,
    /// A go-live of this content runs already; it is waited for.
    JoinGoLive,
    AwaitLive,
}

/// The steps to take. `draft` is the digest of a draft that will not be written, `None` when it will be. An error is a
/// conflict: the portal runs something for other content.
pub(super) fn steps(through: Through, draft: Option<&Digest>, view: &ReleaseView) -> Result<Vec<ReleaseStep>, String> {
    use ReleaseStep::{AwaitLive, AwaitSignoff, GoLive, JoinGoLive, JoinPublish, Publish};
    let goal = match through {
        Through::Draft => return Ok(Vec::new()),
        Through::Preview => Goal::Preview,
        Through::Live => Goal::Live,
    };
    let is_draft = |slot: &Option<Digest>| draft.is_some() && slot.as_ref() == draft;
    let ours = |content: &Content| matches!(content, Content::Known(digest) if Some(digest) == draft);
    if is_draft(&view.production) || (goal == Goal::Preview && is_draft(&view.preview)) {
        return Ok(Vec::new());
    }
    let mut steps = match &view.in_progress {
        InProgress::Publishing(content) if ours(content) => vec![JoinPublish, AwaitSignoff],
        InProgress::GoingLive(content) if ours(content) => {
            return Ok(if goal == Goal::Live { vec![JoinGoLive, AwaitLive] } else { Vec::new() });
        }
        InProgress::AwaitingSignoff if is_draft(&view.preview) => Vec::new(),
        InProgress::Publishing(content) => return Err(conflict("publish", content)),
        InProgress::GoingLive(content) => return Err(conflict("go-live", content)),
        InProgress::Nothing | InProgress::AwaitingSignoff => vec![Publish, AwaitSignoff],
    };
    if goal == Goal::Live {
        steps.extend([GoLive, AwaitLive]);
    }
    Ok(steps)
}

#[derive(Clone, Copy, PartialEq)]
enum Goal {
    Preview,
    Live,
}

fn conflict(what: &str, content: &Content) -> String {
    let of = match content {
        Content::Known(_) => "other content",
        Content::Unknown => "content that the portal does not show",
    };
    format!("the portal runs a {what} of {of}; wait for it (`offerctl wait`) or cancel it (`offerctl cancel`)")
}

#[cfg(test)]
mod tests {
    use super::ReleaseStep::{AwaitLive, AwaitSignoff, GoLive, JoinGoLive, JoinPublish, Publish};
    use super::*;

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    fn view(preview: Option<&str>, production: Option<&str>, in_progress: InProgress) -> ReleaseView {
        ReleaseView {
            preview: preview.map(digest),
            production: production.map(digest),
            in_progress,
            ..ReleaseView::NOTHING
        }
    }

    /// `draft` is `None` when it is about to be written.
    fn steps_for(through: Through, draft: Option<&str>, view: &ReleaseView) -> Result<Vec<ReleaseStep>, String> {
        steps(through, draft.map(digest).as_ref(), view)
    }

    #[test]
    fn a_draft_goes_nowhere_by_itself() {
        let running = view(None, None, InProgress::Publishing(Content::Unknown));
        assert_eq!(steps_for(Through::Draft, None, &running), Ok(vec![]));
    }

    #[test]
    fn a_new_draft_is_published_and_taken_live() {
        let old = view(Some("old"), Some("old"), InProgress::Nothing);
        assert_eq!(steps_for(Through::Preview, None, &old), Ok(vec![Publish, AwaitSignoff]));
        assert_eq!(steps_for(Through::Live, None, &old), Ok(vec![Publish, AwaitSignoff, GoLive, AwaitLive]));
        assert_eq!(steps_for(Through::Live, Some("new"), &old), Ok(vec![Publish, AwaitSignoff, GoLive, AwaitLive]));
    }

    #[test]
    fn what_is_there_already_is_not_released_again() {
        assert_eq!(steps_for(Through::Preview, Some("d"), &view(Some("d"), None, InProgress::Nothing)), Ok(vec![]));
        assert_eq!(steps_for(Through::Live, Some("d"), &view(Some("d"), Some("d"), InProgress::Nothing)), Ok(vec![]));
        let at_signoff = view(Some("d"), Some("old"), InProgress::AwaitingSignoff);
        assert_eq!(steps_for(Through::Preview, Some("d"), &at_signoff), Ok(vec![]));
        assert_eq!(steps_for(Through::Live, Some("d"), &at_signoff), Ok(vec![GoLive, AwaitLive]));
    }

    #[test]
    fn an_operation_for_the_same_content_is_joined() {
        let publishing = view(None, None, InProgress::Publishing(Content::Known(digest("d"))));
        assert_eq!(
            steps_for(Through::Live, Some("d"), &publishing),
            Ok(vec![JoinPublish, AwaitSignoff, GoLive, AwaitLive])
        );
        let going = view(Some("d"), None, InProgress::GoingLive(Content::Known(digest("d"))));
        assert_eq!(steps_for(Through::Live, Some("d"), &going), Ok(vec![JoinGoLive, AwaitLive]));
    }

    #[test]
    fn an_operation_for_other_content_is_a_conflict() {
        for content in [Content::Known(digest("other")), Content::Unknown] {
            for draft in [None, Some("d")] {
                let publishing = view(None, None, InProgress::Publishing(content.clone()));
                assert!(steps_for(Through::Preview, draft, &publishing).is_err());
                let going = view(None, None, InProgress::GoingLive(content.clone()));
                assert!(steps_for(Through::Live, draft, &going).is_err());
            }
        }
    }

    #[test]
    fn a_preview_that_waits_for_signoff_is_superseded_by_other_content() {
        let at_signoff = view(Some("old"), None, InProgress::AwaitingSignoff);
        assert_eq!(steps_for(Through::Live, None, &at_signoff), Ok(vec![Publish, AwaitSignoff, GoLive, AwaitLive]));
    }
}
