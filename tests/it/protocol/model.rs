//! The protocol of `apply --through live` on one offer, as a model: two pipelines, one person in the portal, and a crash
//! after every step. [`Protocol::step`] is the table that the runs of the program are compared with.

use stateright::{Model, Property};

/// What a document says: the title that a pipeline declares, and which edits by hand it holds, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Content {
    pub(super) title: u8,
    pub(super) edits: u8,
}

/// A draft, and the version that an ETag stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Draft {
    pub(super) content: Content,
    version: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Operation {
    #[default]
    Idle,
    Publishing(Content),
    /// The preview waits for the sign-off.
    Signoff,
    GoingLive,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Portal {
    pub(super) draft: Draft,
    preview: Option<Content>,
    production: Option<Content>,
    operation: Operation,
    /// What the last publish that was accepted published.
    published: Option<Content>,
    broken: Broken,
}

/// What must not happen, or only where it is documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Broken {
    lost: bool,
    /// Between the read of a migrated offer and the write right after it.
    lost_in_window: bool,
    /// By a run that published what it checked.
    published_twice: bool,
    unplanned_live: bool,
}

impl Portal {
    /// The portal goes on with what it runs.
    pub(super) fn tick(&mut self) -> bool {
        match self.operation {
            Operation::Publishing(content) => {
                self.preview = Some(content);
                self.operation = Operation::Signoff;
            }
            Operation::GoingLive => {
                self.production = self.preview;
                self.operation = Operation::Idle;
            }
            Operation::Idle | Operation::Signoff => return false,
        }
        true
    }

    /// A person changes a field that nobody declares.
    pub(super) fn edit(&mut self) {
        let edits = self.draft.content.edits;
        self.save(Content { edits: edits << 1 | 1, ..self.draft.content });
    }

    fn save(&mut self, content: Content) {
        self.draft = Draft { content, version: self.draft.version + 1 };
    }

    /// What an operation works on.
    fn under_way(&self) -> Option<Content> {
        match self.operation {
            Operation::Publishing(content) => Some(content),
            Operation::Signoff | Operation::GoingLive => self.preview,
            Operation::Idle => None,
        }
    }
}

/// What a run does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum At {
    /// Reads everything, and decides.
    #[default]
    Plan,
    /// Reads the draft that will be written.
    Fresh,
    /// Reads the draft that is as declared already, and goes on there.
    Confirm(Then),
    Put,
    /// Reads after a write without a clear answer, or one that was refused.
    Unclear {
        refused: bool,
    },
    ReadBack,
    /// Looks at what runs, before it publishes.
    Look,
    /// Reads the draft right before it publishes.
    Check,
    Publish,
    AwaitSignoff,
    Compare,
    /// Looks at what runs, before it takes live.
    LookAgain,
    CompareAgain,
    GoLive,
    AwaitLive,
    CompareLive,
    Done,
    Refused,
}

/// Where a run goes on whose draft needs no write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Then {
    Look,
    AwaitSignoff,
    LookAgain,
    AwaitLive,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Writer {
    pub(super) at: At,
    title: u8,
    /// What the plan was made from.
    base: Draft,
    /// What the last read showed, and whether nothing came between it and now.
    read: Draft,
    fresh: bool,
    /// What this run stands for.
    content: Option<Content>,
    /// How often it may begin again.
    runs: u8,
}

impl Writer {
    pub(super) fn new(title: u8, runs: u8) -> Self {
        Self { title, runs, ..Self::default() }
    }

    /// A new process, which has nothing but the portal's state.
    pub(super) fn again(&self) -> Self {
        Self::new(self.title, self.runs.saturating_sub(1))
    }

    fn planned(&self) -> Content {
        Content { title: self.title, edits: self.base.content.edits }
    }

    fn holds(&self, content: Option<Content>) -> bool {
        self.content.is_some() && self.content == content
    }

    /// Forgets what this run does not look at again.
    fn forget(&mut self) {
        match self.at {
            At::Fresh | At::Confirm(_) => self.read = Draft::default(),
            At::Put | At::Unclear { .. } => {}
            At::Done | At::Refused | At::Plan => {
                *self = Self { at: self.at, ..Self::new(self.title, self.runs) };
            }
            _ => {
                self.read = Draft::default();
                self.base.version = 0;
            }
        }
    }

    /// Whether it looked, and is about to act on it.
    fn acts(&self) -> bool {
        matches!(self.at, At::Put | At::Check | At::Publish | At::CompareAgain | At::GoLive)
    }
}

/// What a request asks, as a log shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// All reads of the plan.
    Plan,
    Read,
    Put,
    /// Status, submissions, operations, versions.
    Look,
    Preview,
    Production,
    Publish,
    GoLive,
}

/// A protocol that leaves something out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutation {
    None,
    PutWithoutIfMatch,
    PutWithoutFreshRead,
    PublishWithoutLook,
    GoLiveWithoutCompare,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Protocol {
    pub(super) native: bool,
    pub(super) titles: [u8; 2],
    pub(super) mutation: Mutation,
    /// Whether an operation of the portal takes longer than a run between its last look and what it does about it.
    pub(super) operations_take_time: bool,
}

impl Protocol {
    /// One step of a run, and what it asks; `None` while it waits for the portal. `lost` loses the answer to a PUT.
    pub(super) fn step(&self, portal: &mut Portal, writer: &mut Writer, lost: bool) -> Option<Vec<Request>> {
        let mutation = self.mutation;
        let same = |a: Draft, b: Draft| if self.native { a.version == b.version } else { a.content == b.content };
        let was_fresh = std::mem::take(&mut writer.fresh);
        let (asks, at) = match writer.at {
            At::Plan => {
                writer.base = portal.draft;
                writer.read = portal.draft;
                (vec![Request::Plan], self.plan(portal, writer))
            }
            At::Fresh => {
                writer.read = portal.draft;
                writer.fresh = true;
                (vec![Request::Read], if same(portal.draft, writer.base) { At::Put } else { At::Refused })
            }
            At::Confirm(then) => {
                let at = match then {
                    _ if !same(portal.draft, writer.base) => At::Refused,
                    Then::Look => At::Look,
                    Then::AwaitSignoff => At::AwaitSignoff,
                    Then::LookAgain => At::LookAgain,
                    Then::AwaitLive => At::AwaitLive,
                };
                writer.content = Some(portal.draft.content);
                (vec![Request::Read], at)
            }
            At::Put => {
                let held = portal.draft;
                let checked = self.native && mutation != Mutation::PutWithoutIfMatch;
                if checked && held.version != writer.read.version {
                    (vec![Request::Put], At::Unclear { refused: true })
                } else {
                    let lost_update = held.content != writer.read.content;
                    let documented = !self.native && was_fresh;
                    portal.broken.lost |= lost_update && !documented;
                    portal.broken.lost_in_window |= lost_update;
                    portal.save(writer.planned());
                    (vec![Request::Put], if lost { At::Unclear { refused: false } } else { At::ReadBack })
                }
            }
            At::Unclear { refused } => {
                let now = portal.draft;
                let at = match refused {
                    true if now.content == writer.planned() => At::ReadBack,
                    false if now.content.title == writer.title => At::ReadBack,
                    false if same(now, writer.read) => At::Fresh,
                    _ => At::Refused,
                };
                (vec![Request::Read], at)
            }
            At::ReadBack => {
                let now = portal.draft.content;
                writer.content = (now == writer.planned()).then_some(now);
                (vec![Request::Read], if now.title == writer.title { At::Look } else { At::Refused })
            }
            At::Look => self.look(portal, writer),
            At::Check => {
                let same = writer.holds(Some(portal.draft.content));
                (vec![Request::Read], if same { At::Publish } else { At::Refused })
            }
            At::Publish => {
                let content = portal.draft.content;
                if portal.operation != Operation::Idle {
                    (vec![Request::Publish], At::Refused)
                } else {
                    // What somebody saved since the check is published with it, for want of a precondition.
                    portal.broken.published_twice |= portal.published == Some(content) && writer.holds(Some(content));
                    portal.published = Some(content);
                    portal.operation = Operation::Publishing(content);
                    (vec![Request::Publish], At::AwaitSignoff)
                }
            }
            At::AwaitSignoff => match portal.operation {
                Operation::Publishing(_) | Operation::GoingLive => return None,
                Operation::Signoff => (vec![Request::Look], At::Compare),
                Operation::Idle => {
                    let live = writer.holds(portal.production);
                    (vec![Request::Look, Request::Production], if live { At::Done } else { At::Refused })
                }
            },
            At::Compare => (vec![Request::Preview], self.compare(portal, writer, At::LookAgain)),
            At::LookAgain => {
                let at = match portal.operation {
                    Operation::GoingLive if writer.holds(portal.preview) => At::AwaitLive,
                    Operation::GoingLive => At::Refused,
                    _ => At::CompareAgain,
                };
                (vec![Request::Look], at)
            }
            At::CompareAgain => (vec![Request::Preview], self.compare(portal, writer, At::GoLive)),
            At::GoLive => {
                if portal.operation != Operation::Signoff {
                    (vec![Request::GoLive], At::Refused)
                } else {
                    portal.broken.unplanned_live |= portal.preview != Some(writer.planned());
                    portal.operation = Operation::GoingLive;
                    (vec![Request::GoLive], At::AwaitLive)
                }
            }
            At::AwaitLive => {
                if portal.operation != Operation::Idle {
                    return None;
                }
                (vec![Request::Look], At::CompareLive)
            }
            At::CompareLive => {
                (vec![Request::Production], if writer.holds(portal.production) { At::Done } else { At::Refused })
            }
            At::Done | At::Refused => return None,
        };
        writer.at = at;
        Some(asks)
    }

    /// What the plan decides.
    fn plan(&self, portal: &Portal, writer: &Writer) -> At {
        let draft = portal.draft.content;
        let ours = portal.under_way() == Some(draft);
        if draft.title != writer.title {
            return match portal.operation {
                Operation::Publishing(_) | Operation::GoingLive => At::Refused,
                _ if self.mutation == Mutation::PutWithoutFreshRead => At::Put,
                Operation::Idle | Operation::Signoff => At::Fresh,
            };
        }
        match portal.operation {
            _ if portal.production == Some(draft) => At::Done,
            Operation::Publishing(_) if ours => At::Confirm(Then::AwaitSignoff),
            Operation::GoingLive if ours => At::Confirm(Then::AwaitLive),
            Operation::Publishing(_) | Operation::GoingLive => At::Refused,
            Operation::Signoff if ours => At::Confirm(Then::LookAgain),
            Operation::Signoff | Operation::Idle => At::Confirm(Then::Look),
        }
    }

    /// What runs is joined if it is of the same content; what customers have is done.
    fn look(&self, portal: &Portal, writer: &Writer) -> (Vec<Request>, At) {
        let mut asks = vec![Request::Look];
        if self.mutation == Mutation::PublishWithoutLook {
            return (asks, At::Check);
        }
        let ours = writer.holds(portal.under_way());
        match portal.operation {
            Operation::Publishing(_) | Operation::GoingLive => {
                return (asks, if ours { At::AwaitSignoff } else { At::Refused });
            }
            // Without content there is nothing to compare a slot with.
            _ if writer.content.is_none() => return (asks, At::Check),
            Operation::Signoff => {
                asks.push(Request::Preview);
                if ours {
                    return (asks, At::AwaitSignoff);
                }
            }
            Operation::Idle => {}
        }
        asks.push(Request::Production);
        (asks, if writer.holds(portal.production) { At::Done } else { At::Check })
    }

    fn compare(&self, portal: &Portal, writer: &Writer, then: At) -> At {
        let same = writer.holds(portal.preview) || self.mutation == Mutation::GoLiveWithoutCompare;
        if same { then } else { At::Refused }
    }

    /// Whether somebody who runs the first pipeline again, waits, and cancels what blocks it, gets there from here.
    fn resumes(&self, state: &State) -> bool {
        let mut portal = state.portal.clone();
        let calm = Self { mutation: Mutation::None, ..*self };
        for _ in 0..4 {
            while portal.tick() {}
            let mut writer = Writer::new(self.titles[0], 0);
            while !matches!(writer.at, At::Done | At::Refused) {
                if calm.step(&mut portal, &mut writer, false).is_none() && !portal.tick() {
                    return false;
                }
            }
            if writer.at == At::Done {
                return portal.production == Some(portal.draft.content) && portal.broken == state.portal.broken;
            }
            if portal.operation == Operation::Signoff {
                portal.operation = Operation::Idle;
                portal.published = None;
            }
        }
        false
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    portal: Portal,
    writers: [Writer; 2],
    edits_left: u8,
}

impl State {
    /// The same, without what nothing depends on any more: states that differ in it are one.
    fn canonical(mut self) -> Self {
        self.writers.iter_mut().for_each(Writer::forget);
        let Self { portal, writers: [a, b], .. } = &mut self;
        let mut all =
            [&mut portal.draft, &mut a.base, &mut a.read, &mut b.base, &mut b.read].map(|draft| &mut draft.version);
        // Versions are only compared, so their order is enough.
        let mut order = all.iter().map(|version| **version).collect::<Vec<_>>();
        order.sort_unstable();
        order.dedup();
        for version in &mut all {
            let rank = order.iter().position(|other| other == &**version).expect("one of them");
            **version = u8::try_from(rank).expect("few");
        }
        self
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Action {
    Step(usize),
    /// The portal takes the write, and its answer does not arrive.
    LoseAnswer(usize),
    /// The process ends, and another one begins.
    Crash(usize),
    Tick,
    Edit,
}

/// How often each pipeline begins again, and how often the person saves.
const RUNS: u8 = 1;
const EDITS: u8 = 1;

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let writers = self.titles.map(|title| Writer::new(title, RUNS));
        vec![State { portal: Portal::default(), writers, edits_left: EDITS }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (index, writer) in state.writers.iter().enumerate() {
            let ended = matches!(writer.at, At::Done | At::Refused);
            if !ended {
                actions.push(Action::Step(index));
            }
            if writer.at == At::Put {
                actions.push(Action::LoseAnswer(index));
            }
            if writer.at != At::Plan && writer.runs > 0 {
                actions.push(Action::Crash(index));
            }
        }
        let busy = state.writers.iter().any(Writer::acts);
        if !(busy && self.operations_take_time) {
            actions.push(Action::Tick);
        }
        if state.edits_left > 0 {
            actions.push(Action::Edit);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Step(index) => drop(self.step(&mut next.portal, &mut next.writers[index], false)?),
            Action::LoseAnswer(index) => drop(self.step(&mut next.portal, &mut next.writers[index], true)?),
            Action::Crash(index) => next.writers[index] = next.writers[index].again(),
            Action::Tick => drop(next.portal.tick().then_some(())?),
            Action::Edit => {
                next.portal.edit();
                next.edits_left -= 1;
            }
        }
        Some(next.canonical())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(LOST, |_, state: &State| !state.portal.broken.lost),
            Property::always(TWICE, |_, state: &State| !state.portal.broken.published_twice),
            Property::always(UNPLANNED, |_, state: &State| !state.portal.broken.unplanned_live),
            Property::always(RESUMES, |model: &Self, state: &State| model.resumes(state)),
            Property::sometimes(WINDOW, |_, state: &State| state.portal.broken.lost_in_window),
            Property::sometimes(BOTH_DONE, |_, state: &State| state.writers.iter().all(|writer| writer.at == At::Done)),
        ]
    }
}

pub(super) const LOST: &str = "no update is lost outside of the window";
pub(super) const TWICE: &str = "no content is published twice";
pub(super) const UNPLANNED: &str = "only what was planned goes live";
pub(super) const RESUMES: &str = "a run that ends anywhere can be resumed";
pub(super) const WINDOW: &str = "an update is lost in the window";
pub(super) const BOTH_DONE: &str = "both pipelines get there";
