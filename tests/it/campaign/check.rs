//! Holds what happened against what is promised.

use std::collections::BTreeMap;

use serde_json::Value;

use super::history::{Asked, Event, Route, hands, is_native, title};
use super::hub::{Ending, Signal};

/// What a process was run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Apply,
    Wait,
    WaitLive,
    Cancel,
}

impl Kind {
    pub(super) fn args(self, through: &'static str) -> Vec<&'static str> {
        match self {
            Self::Apply => vec!["apply", "--yes", "--through", through],
            Self::Wait => vec!["wait"],
            Self::WaitLive => vec!["wait", "--yes", "--through", "live"],
            Self::Cancel => vec!["cancel", "--yes"],
        }
    }
}

/// One process that ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) process: usize,
    /// How many events were before it.
    pub(super) begin: usize,
    pub(super) kind: Kind,
    pub(super) title: &'static str,
    pub(super) at_once: usize,
    pub(super) through: &'static str,
    pub(super) ending: Option<Ending>,
    /// None after SIGKILL.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Finished {
    pub(super) fn report(&self) -> Option<Value> {
        let report = serde_json::from_str::<Value>(&self.stdout).ok()?;
        (report["format"] == "offerctl.report").then_some(report)
    }

    /// What it said, without its receipt.
    fn summary(&self) -> String {
        let Some(mut report) = self.report() else { return format!("{}{}", self.stdout, self.stderr) };
        if let Some(report) = report.as_object_mut() {
            report.remove("receipt");
        }
        report.to_string()
    }

    /// The offers of the report, and how each ended.
    pub(super) fn ends(&self) -> Vec<(String, String)> {
        let report = self.report().unwrap_or_default();
        let offers = report["offers"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        offers.iter().map(|offer| (text(&offer["offer"]), text(&offer["end"]))).collect()
    }
}

fn asked(history: &[Event]) -> impl DoubleEndedIterator<Item = (usize, &Asked)> {
    history.iter().enumerate().filter_map(|(at, event)| match event {
        Event::Asked(asked) => Some((at, &**asked)),
        Event::Edited => None,
    })
}

/// A write that took effect, the request of the same run and offer right before it, and how many requests of that run
/// came between the two.
struct Written<'a> {
    at: usize,
    put: &'a Asked,
    before: Option<&'a Asked>,
    between: usize,
}

fn writes(history: &[Event]) -> impl Iterator<Item = Written<'_>> {
    asked(history).filter(|(_, put)| put.route == Route::Put && put.status > 0).map(|(at, put)| {
        let own = || asked(&history[..at]).rev().filter(|(_, asked)| asked.process == put.process);
        let before = own().map(|(_, asked)| asked).find(|asked| asked.offer == put.offer);
        let between = own().take_while(|(_, asked)| asked.offer != put.offer).count();
        Written { at, put, before, between }
    })
}

/// How many writes of migrated offers fell on something that came after the read before them, and the most requests of
/// a run that writes one offer at a time between the two.
pub(super) fn windows(history: &[Event], finished: &[Finished]) -> (usize, usize) {
    let mut windows = (0, 0);
    for Written { put, before, between, .. } in writes(history) {
        let seen = before.map(|before| &before.held["definition"]);
        windows.0 += usize::from(put.took_effect() && seen != Some(&put.held["definition"]));
        if finished.iter().any(|finished| finished.process == put.process && finished.at_once == 1) {
            windows.1 = windows.1.max(between);
        }
    }
    windows
}

/// What the order of the requests and the documents say.
pub(super) fn history(history: &[Event], finished: &[Finished]) -> Vec<String> {
    let mut broken = Vec::new();
    for written in writes(history) {
        broken.extend(write(&written, finished).map(|why| format!("event {}: {why}", written.at)));
    }
    // By offer: the content of the publish that runs or ran last, and whether a golive may follow.
    let mut published = BTreeMap::<&str, (usize, &Value)>::new();
    let mut signed_off = BTreeMap::<&str, bool>::new();
    for (at, asked) in asked(history).filter(|(_, asked)| asked.took_effect()) {
        let Some(offer) = asked.offer.as_deref() else { continue };
        match asked.route {
            Route::Publish => {
                let content = &asked.held["definition"];
                // Somebody may have saved what is published already, between the check and the publish.
                let checked = last_read(history, at, asked).is_some_and(|read| read.held["definition"] == *content);
                let looked = first_look(history, at, asked);
                if checked && published.get(offer).is_some_and(|(then, before)| *then < looked && *before == content) {
                    broken.push(format!("event {at}: {offer} was published twice without a change: {content}"));
                }
                published.insert(offer, (at, content));
                signed_off.insert(offer, false);
                broken.extend(published_draft(history, finished, at, asked).map(|why| format!("event {at}: {why}")));
            }
            Route::GoLive => {
                if signed_off.insert(offer, true) != Some(false) {
                    broken.push(format!("event {at}: {offer} was taken live twice"));
                }
                broken.extend(
                    taken_live(history, finished, asked, published.get(offer).copied())
                        .map(|why| format!("event {at}: {why}")),
                );
            }
            Route::Cancel => {
                published.remove(offer);
            }
            Route::Read | Route::Put | Route::Preview | Route::Production | Route::Other => {}
        }
    }
    broken
}

/// No write without a read right before it; nothing that the read did not show is lost, but on migrated offers.
fn write(written: &Written<'_>, finished: &[Finished]) -> Option<String> {
    let Written { put, before, between, .. } = written;
    let offer = put.offer.as_deref().unwrap_or_default();
    let Some(before) = before.filter(|before| before.route == Route::Read && before.delivered) else {
        return Some(format!("{offer} was written without a fresh read; before it: {before:?}"));
    };
    let run = finished.iter().find(|finished| finished.process == put.process);
    if *between > 0 && run.is_some_and(|run| run.at_once == 1) {
        return Some(format!("{offer}: {between} requests between the read and the write"));
    }
    if !put.took_effect() {
        return None;
    }
    let seen = hands(&before.held);
    if !seen.is_subset(&hands(&put.body)) {
        return Some(format!("{offer}: the write of {} loses what its read shows: {seen:?}", put.body));
    }
    if run.is_some_and(|run| title(&put.body) != run.title) {
        return Some(format!("{offer}: something else was written than is declared: {}", put.body));
    }
    let native = is_native(&before.held) || is_native(&put.held);
    if native && before.held["definition"] != put.held["definition"] {
        return Some(format!("{offer}: an edit of a native offer was overwritten; it held {}", put.held));
    }
    let expected = if put.if_match.is_empty() { !before.held.is_object() } else { native == (put.if_match != "*") };
    (before.held.is_object() && !expected).then(|| format!("{offer} was written with If-Match {:?}", put.if_match))
}

/// The content is what the run declares, and holds no edit that it did not see when it planned.
fn planned(history: &[Event], finished: &[Finished], asked: &Asked, content: &Value) -> Option<String> {
    let run = finished.iter().find(|finished| finished.process == asked.process)?;
    let offer = asked.offer.as_deref().unwrap_or_default();
    if title(content) != run.title {
        return Some(format!("{offer}: content that this run did not plan was released: {content}"));
    }
    let first = self::asked(history).map(|(_, asked)| asked).find(|first| {
        first.process == asked.process && first.offer == asked.offer && first.route == Route::Read && first.delivered
    });
    let seen = first.map(|first| hands(&first.held)).unwrap_or_default();
    let held = hands(content);
    (!held.is_subset(&seen)).then(|| format!("{offer}: edits were released that no plan saw: {held:?}, seen {seen:?}"))
}

/// The read of the draft right before a request of the same run and offer, if that is what was there.
fn last_read<'a>(history: &'a [Event], at: usize, asked: &Asked) -> Option<&'a Asked> {
    let own = |before: &&Asked| before.process == asked.process && before.offer == asked.offer;
    let before = self::asked(&history[..at]).rev().map(|(_, before)| before).find(own)?;
    (before.route == Route::Read && before.delivered).then_some(before)
}

/// The run's first of the four requests that a publish takes. Another run's publish that began after it, and ended before
/// the POST, is seen by none of them: the sandbox is faster than the portal.
fn first_look(history: &[Event], at: usize, asked: &Asked) -> usize {
    let own = |(_, before): &(usize, &Asked)| before.process == asked.process && before.offer == asked.offer;
    self::asked(&history[..at]).rev().filter(own).nth(2).map_or(0, |(at, _)| at)
}

/// Right before the publish, the run read the draft that it planned. A publish has no precondition: what is saved in
/// between is in the preview, and is not taken live.
fn published_draft(history: &[Event], finished: &[Finished], at: usize, publish: &Asked) -> Option<String> {
    if let Some(read) = last_read(history, at, publish) {
        return planned(history, finished, publish, &read.held);
    }
    Some(format!("{:?} was published without a fresh read", publish.offer))
}

fn taken_live(
    history: &[Event],
    finished: &[Finished],
    golive: &Asked,
    published: Option<(usize, &Value)>,
) -> Option<String> {
    let run = finished.iter().find(|finished| finished.process == golive.process)?;
    let offer = golive.offer.as_deref().unwrap_or_default();
    if run.kind != Kind::WaitLive {
        return planned(history, finished, golive, &golive.preview);
    }
    // A wait takes live what was on its way when it began.
    let (published_at, content) = published?;
    let looked = asked(history).find(|(_, first)| {
        first.process == golive.process && first.offer == golive.offer && first.route == Route::Read && first.delivered
    });
    let in_time = looked.is_some_and(|(looked_at, _)| published_at < looked_at);
    let same = golive.preview["definition"] == *content;
    (!in_time || !same).then(|| format!("{offer}: a wait signed off what was not on its way when it began"))
}

/// The portal's own log has the same writes, in the same order, with the same answers.
pub(super) fn same_log(history: &[Event], log: &[Value]) -> Option<String> {
    let changes = asked(history).map(|(_, asked)| asked);
    let changes = changes.filter(|asked| {
        asked.status > 0 && matches!(asked.route, Route::Put | Route::Publish | Route::GoLive | Route::Cancel)
    });
    let ours = changes.map(|asked| (asked.offer.clone(), asked.route, asked.status)).collect::<Vec<_>>();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let theirs = log.iter().filter(|request| request["method"] != "GET");
    let theirs = theirs.filter_map(|request| {
        let path = text(&request["path"]);
        let (offer, route) = Route::of(&text(&request["method"]), &path);
        let status = request["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
        path.starts_with("/api/").then_some((offer, route, status))
    });
    let theirs = theirs.collect::<Vec<_>>();
    (ours != theirs).then(|| format!("the portal's log has {theirs:?}, and {ours:?} were seen"))
}

/// The report, its JSON and the exit code tell what happened.
pub(super) fn report(history: &[Event], run: &Finished, all: &[Finished]) -> Vec<String> {
    let what =
        |why: String| format!("process {} ({:?}, {:?}): {why}\n{}", run.process, run.kind, run.ending, run.summary());
    let Some(code) = run.code else {
        let killed = run.ending.is_some_and(|ending| ending.signal == Signal::Kill);
        return if killed { Vec::new() } else { vec![what("it was ended by a signal".to_owned())] };
    };
    let own = asked(&history[run.begin..]).map(|(_, asked)| asked).filter(|asked| asked.process == run.process);
    let own = own.collect::<Vec<_>>();
    let Some(report) = run.report() else {
        return without_report(run, code, &own).into_iter().map(what).collect();
    };
    // The second wish to leave ends the process while the report is on its way, too.
    let left = code == 130 && run.ending.is_some_and(|ending| ending.signal == Signal::InterruptTwice);
    let mut broken = Vec::new();
    if report["exit_code"] != code && !left {
        broken.push(format!("the exit code is {code}"));
    }
    let ends = run.ends();
    let unread = report["unread"].as_array().map_or(0, Vec::len);
    let unchanged = report["unchanged"].as_u64().unwrap_or_default();
    if !codes(&ends, unread > 0, unchanged > 0).contains(&code) && !left {
        broken.push(format!("the exit code is {code}, and the offers ended as {ends:?}"));
    }
    for offer in report["offers"].as_array().into_iter().flatten() {
        broken.extend(outcome(run, &own, offer, &|route, id| twin_did(history, run, all, route, id)));
    }
    broken.into_iter().map(what).collect()
}

/// Without a report nothing was begun, unless it was left at once.
fn without_report(run: &Finished, code: i32, own: &[&Asked]) -> Option<String> {
    let at_once = run.ending.is_some_and(|ending| ending.signal == Signal::InterruptTwice);
    if at_once && code == 130 {
        return None;
    }
    let changed = own.iter().find(|asked| {
        asked.took_effect() && !matches!(asked.route, Route::Read | Route::Preview | Route::Production | Route::Other)
    });
    match changed {
        Some(changed) => Some(format!("the exit code is {code}, there is no report, and this was done: {changed:?}")),
        None => (!matches!(code, 1 | 4 | 5 | 130))
            .then(|| format!("the exit code is {code}, without a report\n{}", run.stderr)),
    }
}

/// The exit codes that these ends may have, as the README says it.
fn codes(ends: &[(String, String)], unread: bool, unchanged: bool) -> Vec<i32> {
    let any = |words: &[&str]| ends.iter().any(|(_, end)| words.contains(&end.as_str()));
    let well = unchanged || any(&["done", "left"]);
    if any(&["interrupted", "not-attempted"]) {
        return vec![130];
    }
    if any(&["stale", "conflict", "busy", "guarded"]) {
        return vec![5];
    }
    if any(&["not-converged"]) {
        return vec![6];
    }
    if unread || any(&["failed", "unfilled"]) {
        return if well { vec![6] } else { vec![1, 4] };
    }
    if any(&["operation-ended"]) {
        return vec![7];
    }
    if any(&["timed-out"]) { vec![8] } else { vec![0] }
}

/// Whether a run beside this one, with the same declaration, did this. A request without a clear answer is then judged by
/// what the portal holds, and that cannot tell the two apart.
fn twin_did(history: &[Event], run: &Finished, all: &[Finished], route: Route, offer: &str) -> bool {
    let is_twin = |process: usize| {
        process != run.process && all.iter().any(|other| other.process == process && other.title == run.title)
    };
    let beside = asked(&history[run.begin..]).map(|(_, asked)| asked);
    let beside = beside.filter(|asked| asked.route == route && asked.offer.as_deref() == Some(offer));
    let beside = beside.collect::<Vec<_>>();
    let unclear = |asked: &Asked| asked.process == run.process && !(asked.took_effect() && asked.delivered);
    beside.iter().any(|asked| unclear(asked))
        && beside.iter().any(|asked| is_twin(asked.process) && asked.took_effect())
}

/// What the report says of one offer is what the portal did for this run, and the other way round.
fn outcome(run: &Finished, own: &[&Asked], reported: &Value, twin_did: &dyn Fn(Route, &str) -> bool) -> Vec<String> {
    let name = reported["offer"].as_str().unwrap_or_default();
    let id = name.trim_start_matches("contoso/");
    let says = |word: &str| reported["done"].as_array().is_some_and(|done| done.iter().any(|done| done == word));
    let own = own.iter().filter(|asked| asked.offer.as_deref() == Some(id)).collect::<Vec<_>>();
    let done = |route: Route| own.iter().any(|asked| asked.route == route && asked.took_effect());
    let told = |route: Route| own.iter().any(|asked| asked.route == route && asked.took_effect() && asked.delivered);
    let mut broken = Vec::new();
    for (route, words) in
        [(Route::Put, &["created", "updated"][..]), (Route::Publish, &["published"]), (Route::GoLive, &["signed-off"])]
    {
        let said = words.iter().any(|word| says(word));
        if said && !done(route) && !twin_did(route, id) {
            broken.push(format!("{name}: {words:?} is reported, and the portal did nothing of the kind for this run"));
        }
        if told(route) && !said {
            broken.push(format!("{name}: the portal did {route:?}, said so, and it is not reported"));
        }
    }
    let end = reported["end"].as_str().unwrap_or_default();
    let goal = match run.through {
        "live" => says("live"),
        "preview" => says("in-preview") || says("live"),
        _ => true,
    };
    if run.kind == Kind::Apply && end == "done" && !goal {
        broken.push(format!("{name}: it is done, and not {}", run.through));
    }
    for (word, route) in [("in-preview", Route::Preview), ("live", Route::Production)] {
        let read = own.iter().rev().find(|asked| asked.route == route && asked.delivered && asked.status == 200);
        if run.kind == Kind::Apply && says(word) && read.is_none_or(|read| title(&read.held) != run.title) {
            broken.push(format!("{name}: {word} is reported, and that slot was not seen to hold what is declared"));
        }
    }
    broken
}
