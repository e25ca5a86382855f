//! The way between the commands and the portal. One request passes at a time, so that what the portal held at each is
//! known; faults, edits by hand and kills happen at requests.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::history::{Asked, Event, Route};
use crate::support::front::{Act, Front, Request};
use crate::support::http_answer;

/// How a process is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Kill,
    Term,
    Interrupt,
    InterruptTwice,
}

/// When, counted in requests of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The portal does not see the request.
    Before,
    /// The portal answers, and the answer is not sent.
    After,
    /// The answer is on its way.
    Beside,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) signal: Signal,
    pub(super) at: usize,
    pub(super) moment: Moment,
}

/// How bad the weather is for one process.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weather {
    /// How likely a request goes wrong, in per cent.
    pub(super) faults: u64,
    /// How likely somebody edits an offer beside a request, in per cent.
    pub(super) edits: u64,
    pub(super) ending: Option<Ending>,
}

/// What the requests of all processes share.
#[derive(Default)]
pub(crate) struct State {
    pub(super) history: Vec<Event>,
    pub(super) faults: usize,
    pub(super) signals: usize,
    hands: u64,
    /// By process that runs and offer: how many answered requests in a row looked at what the portal runs, and when the
    /// last request came.
    looks: BTreeMap<usize, BTreeMap<String, (usize, Instant)>>,
}

pub(crate) struct Hub {
    portal: String,
    state: Mutex<State>,
}

/// The most edits of one seed: at some time people are done.
const MOST_HANDS: u64 = 6;

/// So many answered looks in a row are a wait, and not those before a POST.
const POLLS: usize = 3;
/// A run that asked nothing of an offer for so long is done with it, or waits.
const SETTLED: Duration = Duration::from_millis(700);

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Status(&'static str),
    /// The portal does it, and the answer is this.
    StatusAfter(&'static str),
    Drop,
    DropAfter,
    Cut,
}

const FAULTS: [Fault; 10] = [
    Fault::Status("429 x\r\nretry-after: 0"),
    Fault::Status("500 x"),
    Fault::Status("502 x"),
    Fault::Status("503 x"),
    Fault::StatusAfter("500 x"),
    Fault::StatusAfter("504 x"),
    Fault::StatusAfter("409 x"),
    Fault::Drop,
    Fault::DropAfter,
    Fault::Cut,
];

impl Hub {
    pub(crate) fn new(portal: &str) -> Arc<Self> {
        Arc::new(Self { portal: portal.trim_start_matches("http://").to_owned(), state: Mutex::default() })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }

    /// A way in for one process. `pid` is known once it is started, before its first request is looked at.
    pub(super) fn front(self: &Arc<Self>, process: usize, seed: u64, weather: Weather, pid: Arc<Mutex<u32>>) -> Front {
        let hub = Arc::clone(self);
        let counted = Mutex::new(0);
        Front::before(&self.url(), move |request| {
            let count = {
                let mut counted = counted.lock().expect("not poisoned");
                *counted += 1;
                *counted
            };
            let mut rng = fastrand::Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ count as u64);
            let pid = *pid.lock().expect("not poisoned");
            hub.pass(process, request, count, &mut rng, weather, pid)
        })
    }

    /// What becomes of one request.
    fn pass(
        &self,
        process: usize,
        request: &Request,
        count: usize,
        rng: &mut fastrand::Rng,
        weather: Weather,
        pid: u32,
    ) -> Act {
        let mut state = self.state();
        let (offer, route) = Route::of(&request.method, &request.path);
        let (edit_before, edit_after) = (rng.u64(..100) < weather.edits, rng.u64(..100) < weather.edits);
        let fault = (rng.u64(..100) < weather.faults).then(|| FAULTS[rng.usize(..FAULTS.len())]);
        let ending = weather.ending.filter(|ending| ending.at == count);
        if edit_before {
            self.edit(&mut state, offer.as_deref());
        }
        if let Some(offer) = &offer {
            self.time_passes(&mut state, process, offer, route);
        }
        let held = match (&offer, route) {
            (Some(offer), Route::Put | Route::Publish | Route::GoLive) => self.read(offer, ""),
            _ => Value::Null,
        };
        let preview = match (&offer, route) {
            (Some(offer), Route::GoLive) => self.read(offer, "/slot/preview"),
            _ => Value::Null,
        };
        let reaches = ending.is_none_or(|ending| ending.moment != Moment::Before)
            && !matches!(fault, Some(Fault::Status(_) | Fault::Drop));
        let answer = reaches.then(|| self.forward(request));
        let status = answer.as_deref().map_or(0, status_of);
        let held = match (&offer, route) {
            (Some(offer), Route::Read) => self.read(offer, ""),
            (Some(offer), Route::Preview) => self.read(offer, "/slot/preview"),
            (Some(offer), Route::Production) => self.read(offer, "/slot/production"),
            _ => held,
        };
        let lost = ending.is_some_and(|ending| ending.moment != Moment::Beside);
        let body = serde_json::from_str(&request.body).unwrap_or_default();
        let if_match = request.header("if-match").to_owned();
        let delivered = answer.is_some() && fault.is_none() && !lost;
        if let Some(offer) = &offer {
            let looks = state.looks.entry(process).or_default();
            let (looks, last) = looks.entry(offer.clone()).or_insert((0, Instant::now()));
            *looks = if route == Route::Other { *looks + usize::from(delivered) } else { 0 };
            *last = Instant::now();
        }
        state.faults += usize::from(fault.is_some());
        state.history.push(Event::Asked(Box::new(Asked {
            process,
            offer: offer.clone(),
            route,
            status,
            delivered,
            held,
            preview,
            body,
            if_match,
        })));
        if edit_after {
            self.edit(&mut state, offer.as_deref());
        }
        if let Some(ending) = ending {
            state.signals += 1;
            signal(pid, ending);
            if lost {
                return Act::Drop;
            }
        }
        match (fault, answer) {
            (Some(Fault::Status(status) | Fault::StatusAfter(status)), _) => Act::Instead(http_answer(status, b"")),
            (Some(Fault::Cut), Some(answer)) => Act::Instead(answer[..answer.len() - answer.len() / 4].to_vec()),
            (None, Some(answer)) => Act::Instead(answer),
            (_, _) => Act::Drop,
        }
    }

    /// The portal goes on when those who work on an offer wait for it: an operation takes longer than a run needs between
    /// its last look and its POST.
    fn time_passes(&self, state: &mut State, process: usize, offer: &str, route: Route) {
        let own = state.looks.get(&process).and_then(|looks| looks.get(offer)).map_or(0, |(looks, _)| *looks);
        let mut all = state.looks.values().filter_map(|looks| looks.get(offer));
        if route == Route::Other && own >= POLLS && all.all(|(looks, last)| *looks >= POLLS || last.elapsed() > SETTLED)
        {
            self.advance();
        }
    }

    /// What the portal runs comes to its next rest.
    pub(crate) fn advance(&self) {
        let answer = self.ask("POST", "/_sandbox/clock", r#"{"steps": 20}"#);
        assert_eq!(status_of(&answer), 200, "{}", String::from_utf8_lossy(&answer));
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.portal)
    }

    /// The process is gone.
    pub(super) fn ended(&self, process: usize) {
        self.state().looks.remove(&process);
    }

    /// Somebody changes a field that no file declares.
    pub(crate) fn edit(&self, state: &mut State, offer: Option<&str>) {
        let Some(offer) = offer.filter(|_| state.hands < MOST_HANDS) else { return };
        let mut document = self.read(offer, "");
        if document["id"] != offer {
            return;
        }
        state.hands += 1;
        let hand = state.hands;
        document["definition"]["offer"][format!("hand{hand}")] = json!(hand);
        let answer = self.ask("PUT", &format!("/_sandbox/offers/contoso/{offer}"), &document.to_string());
        assert_eq!(status_of(&answer), 200, "{}", String::from_utf8_lossy(&answer));
        state.history.push(Event::Edited);
    }

    /// What the portal holds: the draft of an offer, or a slot.
    pub(super) fn read(&self, offer: &str, slot: &str) -> Value {
        let path = format!("/api/publishers/contoso/offers/{offer}{slot}?api-version=2017-10-31");
        let answer = self.ask("GET", &path, "");
        if status_of(&answer) != 200 {
            return Value::Null;
        }
        let text = String::from_utf8_lossy(&answer);
        serde_json::from_str(text.split_once("\r\n\r\n").expect("a head").1).expect("JSON")
    }

    /// The portal's own log.
    pub(super) fn log(&self) -> Vec<Value> {
        let answer = self.ask("GET", "/_sandbox/requests", "");
        let text = String::from_utf8_lossy(&answer).into_owned();
        serde_json::from_str(text.split_once("\r\n\r\n").expect("a head").1).expect("a list")
    }

    /// A request of the test. In the old form of HTTP, so that the answer is not in chunks.
    fn ask(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.0\r\nhost: x\r\nauthorization: Bearer t\r\ncontent-length: {length}");
        self.exchange(&format!("{head}\r\n\r\n{body}"))
    }

    pub(crate) fn forward(&self, request: &Request) -> Vec<u8> {
        let headers = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<String>();
        let Request { method, path, body, .. } = request;
        self.exchange(&format!("{method} {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n{body}"))
    }

    fn exchange(&self, request: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.portal).expect("the portal");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        answer
    }
}

fn status_of(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(&answer[..answer.len().min(16)]).into_owned();
    text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

/// A process that is gone already is no fault. The request is one of it, so its number is not that of another.
fn signal(pid: u32, ending: Ending) {
    let names: &[&str] = match ending.signal {
        Signal::Kill => &["-KILL"],
        Signal::Term => &["-TERM"],
        Signal::Interrupt => &["-INT"],
        Signal::InterruptTwice => &["-INT", "-INT"],
    };
    for name in names {
        let mut kill = Command::new("kill");
        kill.args([*name, &pid.to_string()]).stderr(std::process::Stdio::null());
        if ending.moment == Moment::Beside && names.len() == 1 {
            // It meets the process while it works on the answer.
            let child = kill.spawn();
            std::thread::spawn(move || child.map(|mut child| child.wait()));
        } else {
            let _ = kill.status();
        }
    }
}
