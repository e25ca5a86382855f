//! The protocol of a write and a release: checked as a model, exhaustively, and the model held against the requests of
//! the program.

mod model;
mod trace;

use std::sync::Mutex;

use model::{BOTH_DONE, LOST, Mutation, Protocol, RESUMES, TWICE, UNPLANNED, WINDOW};
use offerctl::Switches;
use stateright::{Checker, Model as _};
use trace::{Happens, Trace};

use crate::campaign::hub::Hub;
use crate::support::front::{Act, Front};
use crate::support::{World, http_answer, native, offer, run};

fn protocol(native: bool, titles: [u8; 2]) -> Protocol {
    Protocol { native, titles, mutation: Mutation::None, operations_take_time: true }
}

fn check(protocol: Protocol) -> impl Checker<Protocol> {
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    assert!(checker.is_done(), "every state was looked at, or every property is decided");
    checker
}

/// Two pipelines with the same files, or with different ones.
const TITLES: [[u8; 2]; 2] = [[1, 1], [1, 2]];

#[test]
fn the_protocol_keeps_its_promises_in_every_order_of_events() {
    for titles in TITLES {
        for native in [true, false] {
            let checker = check(protocol(native, titles));
            for promise in [LOST, TWICE, UNPLANNED, RESUMES] {
                checker.assert_no_discovery(promise);
            }
            checker.assert_any_discovery(BOTH_DONE);
            // A native offer has no such window, and a migrated one does.
            assert_eq!(checker.discovery(WINDOW).is_some(), !native);
            assert!(checker.unique_state_count() > 10_000, "{}", checker.unique_state_count());
        }
    }
}

/// What the model would find if the program left something out.
#[test]
fn a_protocol_that_leaves_something_out_breaks_a_promise() {
    for (mutation, native, promise) in [
        (Mutation::PutWithoutIfMatch, true, LOST),
        (Mutation::PutWithoutFreshRead, false, LOST),
        (Mutation::PublishWithoutLook, true, TWICE),
        (Mutation::GoLiveWithoutCompare, true, UNPLANNED),
        (Mutation::GoLiveWithoutCompare, false, UNPLANNED),
    ] {
        let found = TITLES.iter().any(|titles| {
            let checker = check(Protocol { mutation, ..protocol(native, *titles) });
            checker.discovery(promise).is_some()
        });
        assert!(found, "{mutation:?} breaks nothing");
    }
}

/// The one thing that is taken for granted: an operation of the portal is not begun and over between the last look of a
/// run and its own request.
#[test]
fn a_portal_that_publishes_within_two_requests_could_be_asked_twice() {
    let checker = check(Protocol { operations_take_time: false, ..protocol(true, [1, 1]) });
    checker.assert_any_discovery(TWICE);
    checker.assert_no_discovery(LOST);
}

/// Every row of the model's table is one that the program follows: without disturbance, and with an edit, a kill or a lost
/// answer at each step.
#[test]
fn the_program_asks_what_the_model_says() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut cases = Vec::new();
    for native in [true, false] {
        let steps = trace::of_model(native, Happens::Nothing).asked[0].len();
        assert!(steps > 10, "{steps}");
        cases.extend([Happens::Nothing, Happens::LostAnswer].map(|happens| (native, happens)));
        cases.extend((1..steps).map(|at| (native, Happens::Edit { at })));
        cases.extend((0..steps - 1).map(|at| (native, Happens::Crash { at })));
    }
    let differing = Mutex::new(Vec::<String>::new());
    let left = Mutex::new(cases);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((native, happens)) = { left.lock().expect("not poisoned").pop() } {
                    let model: Trace = trace::of_model(native, happens);
                    let program = trace::of_program(&runtime, native, happens);
                    if model != program {
                        let text = format!("native: {native}, {happens:?}\n  model   {model:?}\n  program {program:?}");
                        differing.lock().expect("not poisoned").push(text);
                    }
                }
            });
        }
    });
    let differing = differing.into_inner().expect("unused");
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
}

/// The portal turns a publish away, and somebody saves the draft in the pause after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_is_turned_away_is_compared_again_before_it_is_repeated() {
    let live = vec![native(&offer("a", "old"))];
    let world = World::with(live, &[("a", &offer("a", "new"))], Switches::default()).await;
    let hub = Hub::new(world.sandbox.url());
    let front = Front::before(&hub.url(), move |request| match request.route().ends_with("/publish") {
        true => {
            hub.edit(&mut hub.state(), Some("a"));
            Act::Instead(http_answer("429 x\r\nretry-after: 0", b""))
        }
        false => Act::Forward,
    });
    let mut command = world.command(&["apply", "--yes", "--through", "preview", "-o", "json"]);
    command.env("OFFERCTL_ENDPOINT", &front.url);
    let ran = tokio::task::block_in_place(|| run(&mut command)).exits(5);
    assert_eq!(ran.outcomes(), ["contoso/a: updated; conflict"]);
    assert_eq!(front.log().iter().filter(|request| request.route().ends_with("/publish")).count(), 1);
}
