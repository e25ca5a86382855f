//! A campaign of seeds: whole commands against the embedded portal, under faults, edits, a second pipeline and kills at
//! random requests. What the portal saw is then held against what docs/writing.md promises.
//!
//! Everything random follows from the seed, by process and request. How the requests of two processes interleave does
//! not. `OFFERCTL_TEST_SEEDS=5000` runs that many seeds, `OFFERCTL_TEST_SEEDS=17..18` those from 17 to 18, without 18.

mod check;
pub(crate) mod history;
pub(crate) mod hub;
mod season;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use season::{Season, Tally};

/// Seeds at once. They wait for the portal most of the time.
const AT_ONCE: usize = 8;

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("OFFERCTL_TEST_SEEDS") else { return 0..8 };
    let number = |text: &str| text.trim().parse::<u64>().expect("OFFERCTL_TEST_SEEDS is a number, or two with `..`");
    match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => 0..number(&text),
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "the counts are what a long campaign is run for")]
fn no_promise_is_broken_under_faults_edits_races_and_kills() {
    let seeds = seeds();
    let (next, failures, total) =
        (AtomicU64::new(seeds.start), Mutex::new(BTreeMap::new()), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds.end {
                        return;
                    }
                    // One for each seed: its end closes what the servers of the seed hold open.
                    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
                    let outcome = std::panic::catch_unwind(|| Season::new(seed, &runtime).run());
                    match outcome {
                        Ok((tally, broken)) => {
                            total.lock().expect("not poisoned").add(&tally);
                            if !broken.is_empty() {
                                failures.lock().expect("not poisoned").insert(seed, broken.join("\n"));
                            }
                        }
                        Err(panic) => {
                            let text = panic.downcast_ref::<String>().cloned();
                            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                            let text = text.unwrap_or_default();
                            failures.lock().expect("not poisoned").insert(seed, text);
                        }
                    }
                }
            });
        }
    });
    let (failures, total) = (failures.into_inner().expect("unused"), total.into_inner().expect("unused"));
    eprintln!("campaign of seeds {seeds:?}: {total:?}");
    let told = failures.iter().map(|(seed, why)| {
        let next = seed + 1;
        format!("seed {seed}: {why}\nrepeat: OFFERCTL_TEST_SEEDS={seed}..{next} cargo test --test it campaign\n")
    });
    assert!(failures.is_empty(), "{} seeds broke a promise\n{}", failures.len(), told.collect::<Vec<_>>().join("\n"));
    let count = usize::try_from(seeds.end - seeds.start).expect("a count");
    assert!(count < 12 || total.exercised(), "the campaign leaves something out: {total:?}");
}
