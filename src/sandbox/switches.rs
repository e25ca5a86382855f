//! What nobody has established about the real portal, or what it did at one time and not at another. Each of these is a
//! switch: the sandbox must not turn a guess into a fact.

use crate::model::Profile;

/// The answer to a PUT of an existing offer without `If-Match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingIfMatch {
    /// 400, as the reference says.
    BadRequest,
    /// 409 `InvalidResourceId`, as seen while offers were being migrated.
    Conflict,
    /// It is taken, as seen for migrated offers since.
    Accepted,
}

/// The answer to a PUT that carries `If-Match` for a native offer that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMatchOnCreate {
    /// `*` creates; a concrete tag is a failed precondition.
    Star,
    /// Whatever the header says, the offer is created.
    Any,
    /// Any value is a failed precondition, as HTTP has it.
    Never,
}

/// Whether a PUT is refused that one profile refuses and the other accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refuses {
    ByProfile,
    Always,
    Never,
}

impl Refuses {
    /// `refusing` is the profile that refuses by default.
    pub(super) fn applies(self, profile: Profile, refusing: Profile) -> bool {
        match self {
            Self::ByProfile => profile == refusing,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// What becomes of a stored secret when a PUT does not carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbsentSecret {
    /// It is gone, like every other key that is absent.
    Cleared,
    Kept,
}

/// What becomes of a publish whose content does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishFindings {
    /// It is refused with 422.
    Refused,
    /// It is accepted, and its first step is blocked, with the findings as messages.
    Blocked,
    /// It is accepted, and its first step is rejected, with the findings as messages.
    Rejected,
    Ignored,
}

/// The word with which a successful operation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalWord {
    /// `complete` for native offers, `succeeded` for migrated ones.
    ByProfile,
    /// `complete`.
    Complete,
    /// `completed`.
    Completed,
    /// `succeeded`.
    Succeeded,
}

/// The sandbox's answers to open questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switches {
    /// PUT of an existing native offer without `If-Match`.
    pub missing_if_match: MissingIfMatch,
    /// The same for a migrated offer.
    pub migrated_missing_if_match: MissingIfMatch,
    /// PUT of a new native offer with `If-Match`.
    pub if_match_on_create: IfMatchOnCreate,
    /// GET of the slots preview and production, and of versions, carries an ETag for native offers.
    pub etag_on_published: bool,
    /// The answer to PUT carries an ETag for migrated offers, though GET does not.
    pub etag_on_migrated_put: bool,
    /// Creating a native offer answers 200 instead of 201.
    pub create_answers_200: bool,
    /// The answer to a PUT of a migrated offer is a map of services with their results, not the offer.
    pub put_answers_services: bool,
    /// A PUT whose body names another publisher or offer than the path is taken for the path's.
    pub ignore_path_mismatch: bool,
    /// A PUT with keys that the portal returns is refused with 400, else they are stored. The refusal dates from after
    /// the migration, so by profile only migrated offers refuse.
    pub reject_legacy_ids: Refuses,
    /// Secrets that a PUT does not carry.
    pub absent_secret: AbsentSecret,
    /// Artifacts are copied to the portal's own store, so that their URLs change.
    pub rehost_artifacts: bool,
    /// Hosts from which no artifact can be fetched: such a URL comes back as null.
    pub unfetchable_hosts: Vec<String>,
    /// A PUT while the timed steps of an operation run is refused with 409, else the operation goes on with the content
    /// it started with. By profile, native offers refuse.
    pub put_while_running: Refuses,
    /// A publish of an offer without plans, images or a title, or with an expired signature of an image.
    pub publish_findings: PublishFindings,
    /// Publishing while an earlier publish waits for sign-off is refused with 409 instead of superseding it.
    pub signoff_blocks_publish: bool,
    /// Going live when nothing waits for sign-off answers 400 instead of 409.
    pub early_golive_is_bad_request: bool,
    /// Cancel with nothing to cancel answers 409 instead of 202.
    pub idle_cancel_conflicts: bool,
    /// After a cancel, status shows the publishing version from before the canceled operation.
    pub cancel_lowers_publishing_version: bool,
    /// The operation of a publish has its final word as soon as the preview is there, though status still says
    /// `running`: clients wait for it before they go live. Else it runs until someone goes live.
    pub operation_ends_at_preview: bool,
    /// The word with which a successful operation ends.
    pub final_word: FinalWord,
    /// GET of an operation wraps the object in an array.
    pub operation_in_array: bool,
    /// Accepted POSTs come without `Location`.
    pub omit_location: bool,
    /// Accepted POSTs come without `Operation-Location`.
    pub omit_operation_location: bool,
    /// Accepted POSTs have no body at all instead of `{}`.
    pub empty_post_answers: bool,
    /// An edit of the draft gives it another `changedTime`; its version tells of the edit in any case.
    pub changed_time_on_edit: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            missing_if_match: MissingIfMatch::BadRequest,
            migrated_missing_if_match: MissingIfMatch::Accepted,
            if_match_on_create: IfMatchOnCreate::Star,
            etag_on_published: false,
            etag_on_migrated_put: false,
            create_answers_200: false,
            put_answers_services: false,
            ignore_path_mismatch: false,
            reject_legacy_ids: Refuses::ByProfile,
            absent_secret: AbsentSecret::Cleared,
            rehost_artifacts: true,
            unfetchable_hosts: Vec::new(),
            put_while_running: Refuses::ByProfile,
            publish_findings: PublishFindings::Refused,
            signoff_blocks_publish: false,
            early_golive_is_bad_request: false,
            idle_cancel_conflicts: false,
            cancel_lowers_publishing_version: false,
            operation_ends_at_preview: true,
            final_word: FinalWord::ByProfile,
            operation_in_array: false,
            omit_location: false,
            omit_operation_location: false,
            empty_post_answers: false,
            changed_time_on_edit: true,
        }
    }
}

/// A switch by name, as the command line and the documentation have it.
struct Entry {
    name: &'static str,
    /// The values, the default first; none where any text will do.
    values: &'static [&'static str],
    /// Sets the value with this place among the values, or this text.
    set: fn(&mut Switches, usize, &str),
}

const OFF_ON: &[&str] = &["false", "true"];
const ON_OFF: &[&str] = &["true", "false"];

macro_rules! flag {
    ($name:literal, $field:ident, off) => {
        Entry { name: $name, values: OFF_ON, set: |switches, place, _| switches.$field = place == 1 }
    };
    ($name:literal, $field:ident, on) => {
        Entry { name: $name, values: ON_OFF, set: |switches, place, _| switches.$field = place == 0 }
    };
}

macro_rules! choice {
    ($name:literal, $field:ident, $kind:ident, $($value:literal => $variant:ident),+) => {
        Entry {
            name: $name,
            values: &[$($value),+],
            set: |switches, place, _| switches.$field = [$($kind::$variant),+][place],
        }
    };
}

const ENTRIES: &[Entry] = &[
    choice!("missing-if-match", missing_if_match, MissingIfMatch,
        "bad-request" => BadRequest, "conflict" => Conflict, "accepted" => Accepted),
    choice!("migrated-missing-if-match", migrated_missing_if_match, MissingIfMatch,
        "accepted" => Accepted, "bad-request" => BadRequest, "conflict" => Conflict),
    choice!("if-match-on-create", if_match_on_create, IfMatchOnCreate,
        "star-creates" => Star, "any-creates" => Any, "none-creates" => Never),
    flag!("etag-on-published", etag_on_published, off),
    flag!("etag-on-migrated-put", etag_on_migrated_put, off),
    flag!("create-answers-200", create_answers_200, off),
    flag!("put-answers-services", put_answers_services, off),
    flag!("ignore-path-mismatch", ignore_path_mismatch, off),
    choice!("reject-legacy-ids", reject_legacy_ids, Refuses,
        "by-profile" => ByProfile, "true" => Always, "false" => Never),
    choice!("absent-secret", absent_secret, AbsentSecret, "cleared" => Cleared, "kept" => Kept),
    flag!("rehost-artifacts", rehost_artifacts, on),
    Entry {
        name: "unfetchable-hosts",
        values: &[],
        set: |switches, _, text| {
            switches.unfetchable_hosts =
                text.split('+').filter(|host| !host.is_empty()).map(ToOwned::to_owned).collect();
        },
    },
    choice!("put-while-running", put_while_running, Refuses,
        "by-profile" => ByProfile, "refused" => Always, "accepted" => Never),
    choice!("publish-findings", publish_findings, PublishFindings,
        "refused" => Refused, "blocked" => Blocked, "rejected" => Rejected, "ignored" => Ignored),
    flag!("signoff-blocks-publish", signoff_blocks_publish, off),
    flag!("early-golive-is-bad-request", early_golive_is_bad_request, off),
    flag!("idle-cancel-conflicts", idle_cancel_conflicts, off),
    flag!("cancel-lowers-publishing-version", cancel_lowers_publishing_version, off),
    flag!("operation-ends-at-preview", operation_ends_at_preview, on),
    choice!("final-word", final_word, FinalWord,
        "by-profile" => ByProfile, "complete" => Complete, "completed" => Completed, "succeeded" => Succeeded),
    flag!("operation-in-array", operation_in_array, off),
    flag!("omit-location", omit_location, off),
    flag!("omit-operation-location", omit_operation_location, off),
    flag!("empty-post-answers", empty_post_answers, off),
    flag!("changed-time-on-edit", changed_time_on_edit, on),
];

impl Switches {
    /// Sets a switch by its name. `mixture-2020` is short for what migrated offers did while the migration went on.
    ///
    /// # Errors
    /// When there is no such switch, or it has no such value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if name == "mixture-2020" {
            self.migrated_missing_if_match = match value {
                "conflict" => MissingIfMatch::Conflict,
                "bad-request" => MissingIfMatch::BadRequest,
                _ => return Err("the switch mixture-2020 is conflict or bad-request".to_owned()),
            };
            self.etag_on_migrated_put = true;
            return Ok(());
        }
        let Some(entry) = ENTRIES.iter().find(|entry| entry.name == name) else {
            let names: Vec<&str> = Self::names().map(|(name, _)| name).collect();
            return Err(format!("`{name}` is not a switch; expected mixture-2020, {}", names.join(", ")));
        };
        let place = entry.values.iter().position(|known| *known == value);
        match place {
            None if !entry.values.is_empty() => {
                Err(format!("the switch {name} is {}, not `{value}`", entry.values.join(" or ")))
            }
            place => {
                (entry.set)(self, place.unwrap_or_default(), value);
                Ok(())
            }
        }
    }

    /// The names of the switches with their values, the default first.
    pub fn names() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
        ENTRIES.iter().map(|entry| (entry.name, entry.values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_is_the_default_and_every_other_one_is_not() {
        for Entry { name, values, .. } in ENTRIES {
            for (place, value) in values.iter().enumerate() {
                let mut switches = Switches::default();
                switches.set(name, value).expect("a value");
                assert_eq!(switches == Switches::default(), place == 0, "{name}={value}");
            }
        }
        let mut switches = Switches::default();
        switches.set("unfetchable-hosts", "a.example+b.example").expect("a value");
        assert_eq!(switches.unfetchable_hosts, ["a.example", "b.example"]);
    }

    #[test]
    fn what_is_not_known_is_told_with_what_is() {
        let mut switches = Switches::default();
        assert!(switches.set("final-wort", "x").expect_err("refused").contains("final-word"));
        assert!(switches.set("final-word", "x").expect_err("refused").contains("by-profile or complete"));
        switches.set("mixture-2020", "conflict").expect("a value");
        assert!(switches.etag_on_migrated_put && switches.migrated_missing_if_match == MissingIfMatch::Conflict);
        assert!(switches.set("mixture-2020", "maybe").is_err());
    }
}
