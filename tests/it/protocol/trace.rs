//! The requests of one run, by the model and by the program.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use offerctl::{Options, Profile, Sandbox, Seed, Switches};

use super::model::{At, Mutation, Portal, Protocol, Request, Writer};
use crate::campaign::history::Route;
use crate::campaign::hub::Hub;
use crate::support::front::{Act, Front};
use crate::support::{http_answer, migrated, native, offer, offerctl, project, run};

/// What happens right before the first request of a kind: `at` counts them, without repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happens {
    Nothing,
    Edit {
        at: usize,
    },
    /// The process is killed once the portal has done it, and another one begins.
    Crash {
        at: usize,
    },
    /// The portal takes the write, and its answer is lost.
    LostAnswer,
}

/// The requests of each process, and whether the last one got there.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Trace {
    pub(super) asked: Vec<Vec<Request>>,
    pub(super) done: bool,
}

/// Adds a request, unless it repeats the one before. Whatever is read before the second read of the draft is the plan.
fn add(asked: &mut Vec<Request>, request: Request) {
    if asked.last() != Some(&request) {
        asked.push(request);
    }
}

pub(super) fn of_model(native: bool, happens: Happens) -> Trace {
    let protocol = Protocol { native, titles: [1, 1], mutation: Mutation::None, operations_take_time: true };
    let (mut portal, mut writer) = (Portal::default(), Writer::new(1, 1));
    let mut trace = Trace { asked: vec![Vec::new()], done: false };
    let mut left = happens;
    while !matches!(writer.at, At::Done | At::Refused) {
        let asked = trace.asked.last_mut().expect("one");
        let lost = writer.at == At::Put && left == Happens::LostAnswer;
        let before = (portal.clone(), writer.clone());
        let Some(requests) = protocol.step(&mut portal, &mut writer, lost) else {
            assert!(portal.tick(), "{writer:?} waits for nothing");
            continue;
        };
        if lost {
            left = Happens::Nothing;
        }
        let mut with = asked.clone();
        requests.into_iter().for_each(|request| add(&mut with, request));
        match left {
            Happens::Edit { at } if with.len() > at => {
                (portal, writer) = before;
                portal.edit();
                left = Happens::Nothing;
            }
            Happens::Crash { at } if with.len() > at => {
                with.truncate(at + 1);
                *asked = with;
                trace.asked.push(Vec::new());
                writer = writer.again();
                while portal.tick() {}
                left = Happens::Nothing;
            }
            _ => *asked = with,
        }
    }
    trace.done = writer.at == At::Done;
    trace
}

/// What a run of the program has asked so far.
#[derive(Default)]
struct Seen {
    asked: Vec<Request>,
    reads: usize,
    pid: u32,
}

impl Seen {
    fn add(&mut self, route: Route) {
        self.reads += usize::from(route == Route::Read);
        let request = match route {
            _ if self.reads < 2 => Request::Plan,
            Route::Read => Request::Read,
            Route::Put => Request::Put,
            Route::Preview => Request::Preview,
            Route::Production => Request::Production,
            Route::Publish => Request::Publish,
            Route::GoLive => Request::GoLive,
            Route::Other | Route::Cancel => Request::Look,
        };
        add(&mut self.asked, request);
    }
}

pub(super) fn of_program(runtime: &tokio::runtime::Runtime, native_profile: bool, happens: Happens) -> Trace {
    let live = if native_profile { native(&offer("a", "old")) } else { migrated(&offer("a", "old")) };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = Options {
        default_profile: if native_profile { Profile::Native } else { Profile::Migrated },
        seed: Seed::Documents(vec![live]),
        step_time: Duration::from_hours(1),
        switches: Switches::default(),
        ..Options::default()
    };
    let sandbox = runtime.block_on(Sandbox::start(options)).expect("the sandbox starts");
    let hub = Hub::new(sandbox.url());
    let folder = project(&[("a", &offer("a", "new"))]);
    let left = Arc::new(Mutex::new(happens));
    let mut trace = Trace::default();
    loop {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (front, started) = (front(&hub, &seen, &left), Arc::clone(&seen));
        let mut command = offerctl(folder.path());
        command.args(["apply", "--yes", "--through", "live", "-q"]).env("OFFERCTL_ENDPOINT", &front.url);
        let mut child = {
            // The first request waits for the number of the process.
            let mut started = started.lock().expect("not poisoned");
            let child = command.stdout(std::process::Stdio::null()).spawn().expect("the binary starts");
            started.pid = child.id();
            child
        };
        let code = child.wait().expect("it ended").code();
        trace.asked.push(seen.lock().expect("not poisoned").asked.clone());
        if let Some(code) = code {
            trace.done = code == 0;
            return trace;
        }
        hub.advance();
    }
}

fn front(hub: &Arc<Hub>, seen: &Arc<Mutex<Seen>>, left: &Arc<Mutex<Happens>>) -> Front {
    let (hub, seen, left) = (Arc::clone(hub), Arc::clone(seen), Arc::clone(left));
    Front::before(&hub.url(), move |request| {
        let mut seen = seen.lock().expect("not poisoned");
        let mut left = left.lock().expect("not poisoned");
        let (_, route) = Route::of(&request.method, &request.path);
        seen.add(route);
        let now = seen.asked.len();
        let waits = route == Route::Other && [Request::Publish, Request::GoLive].contains(&before_looks(&seen.asked));
        if waits {
            hub.advance();
        }
        match *left {
            Happens::Edit { at } if now > at => {
                *left = Happens::Nothing;
                hub.edit(&mut hub.state(), Some("a"));
                Act::Forward
            }
            Happens::Crash { at } if now > at => {
                *left = Happens::Nothing;
                hub.forward(request);
                run(std::process::Command::new("kill").args(["-KILL", &seen.pid.to_string()]));
                Act::Drop
            }
            Happens::LostAnswer if route == Route::Put => {
                *left = Happens::Nothing;
                hub.forward(request);
                Act::Instead(http_answer("504 x", b""))
            }
            _ => Act::Forward,
        }
    })
}

/// The last request that was no look.
fn before_looks(asked: &[Request]) -> Request {
    asked.iter().rev().copied().find(|request| *request != Request::Look).unwrap_or(Request::Look)
}
