//! The conformance suite: what the reference and other people's clients say of the API 2017-10-31, row by row, asked of
//! a portal. By default that is the embedded one, in both profiles; each row and its verdict are printed.
//!
//! ```text
//! cargo test --test conformance                      # all rows
//! cargo test --test conformance -- 4.10              # rows whose id or text contains this
//! OFFERCTL_CONFORMANCE_URL=http://127.0.0.1:8090 OFFERCTL_CONFORMANCE_TOKEN=any \
//!   OFFERCTL_CONFORMANCE_PUBLISHER=contoso OFFERCTL_CONFORMANCE_PROFILE=native cargo test --test conformance
//! ```
//!
//! Another portal gets offers of its own. Rows that move the clock need the control routes of a sandbox; elsewhere they
//! are listed as not asked. The numbers of the rows are those of `docs/sandbox.md`.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::too_many_lines,
    reason = "tests read files, run programs, open ports and list many cases"
)]

mod documents;
mod publishing;
mod quirks;
mod transport;
mod world;

use std::process::ExitCode;

use offerctl::Profile;
use world::{Verdict, World};

/// Which offers a row is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Both,
    Native,
    Migrated,
}

/// What a row needs of the portal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// The control routes of a sandbox.
    Control,
}

/// One thing that is so.
struct Row {
    id: &'static str,
    says: &'static str,
    on: On,
    needs: Needs,
    check: fn(&World<'_>) -> Verdict,
}

/// A row whose check is a `Result`.
macro_rules! row {
    ($id:literal, $on:ident, $needs:ident, $says:literal, $check:expr) => {
        crate::Row {
            id: $id,
            says: $says,
            on: crate::On::$on,
            needs: crate::Needs::$needs,
            check: |world| {
                let check: fn(&crate::world::World<'_>) -> Result<(), String> = $check;
                check(world).into()
            },
        }
    };
}
pub(crate) use row;

/// A row that needs a sandbox of its own, with switches set.
macro_rules! own_row {
    ($id:literal, $on:ident, [$(($name:literal, $value:literal)),*], $says:literal, $check:expr) => {
        crate::Row {
            id: $id,
            says: $says,
            on: crate::On::$on,
            needs: crate::Needs::Nothing,
            check: |world| crate::world::on_own(world, &[$(($name, $value)),*], $check),
        }
    };
}
pub(crate) use own_row;

/// Fails the row unless the two are equal.
macro_rules! same {
    ($left:expr, $right:expr) => {
        // A match keeps what is borrowed for as long as it is compared.
        match (&$left, &$right) {
            (left, right) if left != right => return Err(format!("{left:?} is not {right:?}")),
            _ => {}
        }
    };
}
pub(crate) use same;

/// Fails the row unless this holds.
macro_rules! holds {
    ($what:expr, $($said:tt)+) => {
        if !$what {
            return Err(format!($($said)+));
        }
    };
}
pub(crate) use holds;

#[expect(clippy::print_stdout, reason = "it is what the suite is for")]
fn main() -> ExitCode {
    let filters: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if std::env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let worlds: Vec<World<'_>> = match std::env::var("OFFERCTL_CONFORMANCE_URL") {
        Ok(base) => {
            let variable = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
            let profile = match variable("OFFERCTL_CONFORMANCE_PROFILE", "native").as_str() {
                "migrated" => Profile::Migrated,
                _ => Profile::Native,
            };
            let token = variable("OFFERCTL_CONFORMANCE_TOKEN", "any");
            vec![World::at(&runtime, &base, &token, &variable("OFFERCTL_CONFORMANCE_PUBLISHER", "contoso"), profile)]
        }
        Err(_) => [Profile::Native, Profile::Migrated].map(|profile| World::embedded(&runtime, profile, &[])).into(),
    };
    let rows = [transport::ROWS, documents::ROWS, publishing::ROWS, quirks::ROWS].concat();
    let (mut passed, mut failed, mut unasked) = (0, 0, 0);
    for row in rows.iter().filter(|row| {
        filters.is_empty()
            || filters.iter().any(|filter| row.id.contains(filter.as_str()) || row.says.contains(filter.as_str()))
    }) {
        for world in &worlds {
            let (profile, here) = match world.profile {
                Profile::Native => ("native", row.on != On::Migrated),
                Profile::Migrated => ("migrated", row.on != On::Native),
            };
            if !here {
                continue;
            }
            let verdict = if row.needs == Needs::Control && !world.control {
                Verdict::NotAsked("it needs the control routes of a sandbox".to_owned())
            } else {
                (row.check)(world)
            };
            let (word, reason) = match verdict {
                Verdict::Pass => ("pass", String::new()),
                Verdict::Fail(reason) => ("FAIL", format!("\n       {reason}")),
                Verdict::NotAsked(reason) => ("-", format!(" ({reason})")),
            };
            match word {
                "pass" => passed += 1,
                "FAIL" => failed += 1,
                _ => unasked += 1,
            }
            println!("{word:5} {:6} {profile:8} {}{reason}", row.id, row.says);
        }
    }
    println!("conformance: {passed} passed, {failed} failed, {unasked} not asked");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Clone for Row {
    fn clone(&self) -> Self {
        *self
    }
}

impl Copy for Row {}
