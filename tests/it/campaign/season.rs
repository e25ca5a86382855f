//! One seed: its world, the commands that are run in it, and what they left.

use std::process::Stdio;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use offerctl::{Options, Profile, Sandbox, Seed, Switches};
use serde_json::Value;

use super::check::{self, Finished, Kind};
use super::history::{Event, Route, hands};
use super::hub::{Ending, Hub, Moment, Signal, Weather};
use crate::support::{documents, migrated, native, offer, offerctl, project};

/// How much a campaign did.
#[derive(Debug, Default)]
pub(super) struct Tally {
    seeds: usize,
    processes: usize,
    requests: usize,
    faults: usize,
    signals: usize,
    edits: usize,
    puts: usize,
    publishes: usize,
    golives: usize,
    /// Writes of migrated offers that fell on an edit or another write after the read before them.
    windows: usize,
    /// The most requests of one run between such a read and its write.
    window: usize,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.processes += other.processes;
        self.requests += other.requests;
        self.faults += other.faults;
        self.signals += other.signals;
        self.edits += other.edits;
        self.puts += other.puts;
        self.publishes += other.publishes;
        self.golives += other.golives;
        self.windows += other.windows;
        self.window = self.window.max(other.window);
    }

    /// Whether everything that a campaign is for came up.
    pub(super) fn exercised(&self) -> bool {
        [self.faults, self.signals, self.edits, self.puts, self.publishes, self.golives].iter().all(|count| *count > 0)
    }
}

pub(super) struct Season {
    seed: u64,
    rng: fastrand::Rng,
    hub: Arc<Hub>,
    /// Ends with the season.
    _sandbox: Sandbox,
    ids: Vec<String>,
    through: &'static str,
    /// The folders of the two pipelines, and the titles that they declare.
    folders: [tempfile::TempDir; 2],
    titles: [&'static str; 2],
    finished: Vec<Finished>,
}

/// Rounds with faults, edits and kills; then rounds without, in which everything must come to its end.
const ROUGH: usize = 3;
const CALM: usize = 12;

impl Season {
    pub(super) fn new(seed: u64, runtime: &tokio::runtime::Runtime) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let ids = (0..rng.usize(1..=3)).map(|n| format!("o{n}")).collect::<Vec<_>>();
        let profile = if rng.bool() { Profile::Native } else { Profile::Migrated };
        let mut live = Vec::new();
        for id in &ids {
            match rng.u8(..5) {
                // To be created.
                0 => {}
                1 | 2 => live.push(native(&offer(id, "old"))),
                _ => live.push(migrated(&offer(id, "old"))),
            }
        }
        let titles = ["new", if rng.bool() { "new" } else { "rival" }];
        let folders = titles.map(|title| {
            let declared = ids.iter().map(|id| offer(id, title)).collect::<Vec<_>>();
            project(&ids.iter().map(String::as_str).zip(&declared).collect::<Vec<_>>())
        });
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = Options {
            default_profile: profile,
            seed: Seed::Documents(live),
            step_time: Duration::from_hours(1),
            switches: Switches::default(),
            publishers: vec!["contoso".parse().expect("a publisher")],
            random_seed: Some(seed),
            ..Options::default()
        };
        let sandbox = runtime.block_on(Sandbox::start(options)).expect("the sandbox starts");
        let hub = Hub::new(sandbox.url());
        let through = ["draft", "preview", "live", "live"][rng.usize(..4)];
        Self { seed, rng, hub, _sandbox: sandbox, ids, through, folders, titles, finished: Vec::new() }
    }

    /// Runs the season; what it did, and which promises it saw broken.
    pub(super) fn run(mut self) -> (Tally, Vec<String>) {
        for _ in 0..ROUGH {
            let mut starts = vec![(0, Kind::Apply, self.weather())];
            if self.rng.bool() {
                starts.push((1, Kind::Apply, self.weather()));
            }
            self.start(&starts);
            if self.rng.u8(..3) > 0 {
                let kind = if self.through == "live" && self.rng.bool() { Kind::WaitLive } else { Kind::Wait };
                let weather = self.weather();
                self.start(&[(0, kind, weather)]);
            }
        }
        let mut broken = Vec::new();
        if !self.come_to_rest() {
            let last = self.finished.last().map(|last| (last.code, last.stdout.clone(), last.stderr.clone()));
            broken.push(format!("it does not come to its end: {last:?}"));
        }
        broken.extend(self.broken());
        if !broken.is_empty() {
            let state = self.hub.state();
            let events = state.history.iter().enumerate();
            broken.extend(events.map(|(at, event)| format!("  {at}: {event}")));
        }
        (self.tally(), broken)
    }

    fn weather(&mut self) -> Weather {
        let signals = [Signal::Kill, Signal::Term, Signal::Interrupt, Signal::InterruptTwice];
        let moments = [Moment::Before, Moment::After, Moment::Beside];
        let ending = Ending {
            signal: signals[self.rng.usize(..4)],
            at: self.rng.usize(1..40),
            moment: moments[self.rng.usize(..3)],
        };
        Weather {
            faults: [0, 5, 20][self.rng.usize(..3)],
            edits: [0, 3, 10][self.rng.usize(..3)],
            ending: self.rng.bool().then_some(ending),
        }
    }

    /// Applies, and cancels what blocks it, until there is nothing left to do.
    fn come_to_rest(&mut self) -> bool {
        for _ in 0..CALM {
            self.start(&[(0, Kind::Wait, Weather::default())]);
            self.start(&[(0, Kind::Apply, Weather::default())]);
            let last = self.finished.last().expect("it ran");
            if last.code == Some(0) {
                return true;
            }
            // The preview of other content waits, and nothing is published over it.
            if last.ends().iter().any(|(_, end)| end == "conflict") {
                self.start(&[(0, Kind::Cancel, Weather::default())]);
            }
        }
        false
    }

    /// Runs commands at the same time, each to its end.
    fn start(&mut self, starts: &[(usize, Kind, Weather)]) {
        let (begin, first) = (self.hub.state().history.len(), self.finished.len());
        let runs = starts.iter().enumerate().map(|(at, (pipeline, kind, weather))| {
            let process = first + at;
            let pid = Arc::new(Mutex::new(0));
            let seed = self.seed.wrapping_mul(1_000).wrapping_add(process as u64);
            let front = self.hub.front(process, seed, *weather, Arc::clone(&pid));
            let at_once = self.rng.usize(1..=3);
            let folder = self.folders[*pipeline].path();
            let mut command = offerctl(folder);
            command.args(kind.args(self.through)).args(self.ids.iter().map(|id| format!("contoso/{id}")));
            command.args(["-o", "json", "-o", "json=report.json", "--parallelism", &at_once.to_string()]);
            command.env("OFFERCTL_ENDPOINT", &front.url).stdout(Stdio::piped()).stderr(Stdio::piped());
            let child = {
                // Its first request waits for this.
                let mut pid = pid.lock().expect("not poisoned");
                let child = command.spawn().expect("the binary starts");
                *pid = child.id();
                child
            };
            let pid = child.id();
            let (sender, receiver) = mpsc::channel();
            let hub = Arc::clone(&self.hub);
            std::thread::spawn(move || {
                let output = child.wait_with_output();
                hub.ended(process);
                sender.send(output)
            });
            (process, *pipeline, *kind, at_once, pid, receiver, weather.ending)
        });
        for (process, pipeline, kind, at_once, pid, receiver, ending) in runs.collect::<Vec<_>>() {
            let output = match receiver.recv_timeout(Duration::from_secs(90)) {
                Ok(output) => output.expect("it ended"),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let _ = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
                    panic!("{kind:?} (process {process}, {ending:?}) does not end");
                }
            };
            self.finished.push(Finished {
                process,
                begin,
                kind,
                title: self.titles[pipeline],
                at_once,
                through: self.through,
                ending,
                code: output.status.code(),
                stdout: String::from_utf8(output.stdout).expect("UTF-8"),
                stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            });
            self.files_are_whole(process);
        }
    }

    /// Whatever was killed when: a file is the old one or the new one.
    fn files_are_whole(&self, process: usize) {
        for folder in &self.folders {
            for root in [folder.path().to_path_buf(), folder.path().join(".offerctl")] {
                let files = std::fs::read_dir(&root).into_iter().flatten().map(|entry| entry.expect("a file").path());
                for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "json")) {
                    let text = std::fs::read_to_string(&file).expect("UTF-8");
                    let value = serde_json::from_str::<Value>(&text);
                    assert!(value.is_ok(), "after process {process}, {} is damaged: {text}", file.display());
                }
            }
        }
    }

    fn broken(&self) -> Vec<String> {
        let state = self.hub.state();
        let mut broken = check::history(&state.history, &self.finished);
        broken
            .extend(self.finished.iter().flat_map(|finished| check::report(&state.history, finished, &self.finished)));
        broken.extend(check::same_log(&state.history, &self.hub.log()));
        for finished in &self.finished {
            if let Ok(value) = serde_json::from_str::<Value>(&finished.stdout) {
                broken.extend(documents::said(&value));
            }
        }
        for id in &self.ids {
            let draft = self.hub.read(id, "");
            let what = format!("{id} at the end");
            if super::history::title(&draft) != self.titles[0] {
                broken.push(format!("{what}: the draft is not as declared: {draft}"));
            }
            if self.through == "live" {
                let live = self.hub.read(id, "/slot/production");
                if super::history::title(&live) != self.titles[0] || hands(&live) != hands(&draft) {
                    broken.push(format!("{what}: customers have something else: {live}"));
                }
            }
        }
        broken
    }

    fn tally(&self) -> Tally {
        let state = self.hub.state();
        let asked = state.history.iter().filter_map(|event| match event {
            Event::Asked(asked) => Some(asked),
            Event::Edited => None,
        });
        let asked = asked.collect::<Vec<_>>();
        let done = |route| asked.iter().filter(|asked| asked.route == route && asked.took_effect()).count();
        let (windows, window) = check::windows(&state.history, &self.finished);
        Tally {
            seeds: 1,
            processes: self.finished.len(),
            requests: asked.len(),
            faults: state.faults,
            signals: state.signals,
            edits: state.history.len() - asked.len(),
            puts: done(Route::Put),
            publishes: done(Route::Publish),
            golives: done(Route::GoLive),
            windows,
            window,
        }
    }
}
