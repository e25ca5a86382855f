//! What nobody has established about the real portal, or what it did at one time and not at another. Each of these is a
//! switch: the sandbox must not turn a guess into a fact.

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
    StarCreates,
    /// Whatever the header says, the offer is created.
    AnyCreates,
    /// Any value is a failed precondition, as HTTP has it.
    NoneCreates,
}

/// The answer to a PUT while the timed steps of an operation run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutWhileRunning {
    /// Refused with 409 for native offers, accepted for migrated ones.
    ByProfile,
    /// Refused with 409.
    Refused,
    /// Accepted; the running operation goes on with the content it started with.
    Accepted,
}

/// What becomes of a stored secret when a PUT does not carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbsentSecret {
    /// It is gone, like every other key that is absent.
    Cleared,
    /// It stays.
    Kept,
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
    /// Keys that the portal returns but does not take are refused with 400; else they are stored.
    pub reject_legacy_ids: bool,
    /// Secrets that a PUT does not carry.
    pub absent_secret: AbsentSecret,
    /// Artifacts are copied to the portal's own store, so that their URLs change.
    pub rehost_artifacts: bool,
    /// Hosts from which no artifact can be fetched: such a URL comes back as null.
    pub unfetchable_hosts: Vec<String>,
    /// PUT while an operation runs.
    pub put_while_running: PutWhileRunning,
    /// Publishing checks that there are plans and a title (422 if not).
    pub publish_checks: bool,
    /// Publishing while an earlier publish waits for sign-off is refused with 409 instead of superseding it.
    pub signoff_blocks_publish: bool,
    /// Going live when nothing waits for sign-off answers 400 instead of 409.
    pub early_golive_is_bad_request: bool,
    /// Cancel with nothing to cancel answers 409 instead of 202.
    pub idle_cancel_conflicts: bool,
    /// After a cancel, status shows the publishing version from before the canceled operation.
    pub cancel_lowers_publishing_version: bool,
    /// The operation of a publish has its final word as soon as the preview is there, though status still says
    /// `running`; else it runs until someone goes live.
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
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            missing_if_match: MissingIfMatch::BadRequest,
            migrated_missing_if_match: MissingIfMatch::Accepted,
            if_match_on_create: IfMatchOnCreate::StarCreates,
            etag_on_published: false,
            etag_on_migrated_put: false,
            create_answers_200: false,
            put_answers_services: false,
            ignore_path_mismatch: false,
            reject_legacy_ids: true,
            absent_secret: AbsentSecret::Cleared,
            rehost_artifacts: true,
            unfetchable_hosts: Vec::new(),
            put_while_running: PutWhileRunning::ByProfile,
            publish_checks: true,
            signoff_blocks_publish: false,
            early_golive_is_bad_request: false,
            idle_cancel_conflicts: false,
            cancel_lowers_publishing_version: false,
            operation_ends_at_preview: false,
            final_word: FinalWord::ByProfile,
            operation_in_array: false,
            omit_location: false,
            omit_operation_location: false,
            empty_post_answers: false,
        }
    }
}
