//! A server in front of another one, on loopback: it sees every request, answers some itself, lets the others through,
//! and breaks lines.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{http_answer, read_request};

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    /// How many requests with this method and path came before.
    pub(crate) earlier: usize,
}

impl Request {
    fn parse(text: &str, counts: &Mutex<BTreeMap<String, usize>>) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let mut counts = counts.lock().expect("not poisoned");
        let count = counts.entry(format!("{method} {path}")).or_default();
        let earlier = *count;
        *count += 1;
        Some(Self { method, path, headers, body: body.to_owned(), earlier })
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn bearer(&self) -> &str {
        self.header("authorization").strip_prefix("Bearer ").unwrap_or_default()
    }

    /// The path without its query.
    pub(crate) fn route(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }
}

/// What becomes of a request.
pub(crate) enum Act {
    /// The server behind answers it.
    Forward,
    /// This answer, byte for byte, and nothing else happens.
    Instead(Vec<u8>),
    /// The server behind answers it, and these lines stand in the place of the answer's links.
    Links(Vec<String>),
    /// The server behind answers it, and the end of the answer does not arrive.
    Cut,
    /// No answer, for as long as the client waits.
    Hang,
    /// The server behind answers it, and the line is kept until it is used again, which ends it.
    Keep,
    /// The line ends before anything happens.
    Drop,
    /// The server behind does it, and the line ends before its answer.
    DropAfter,
}

impl Act {
    /// An answer with a JSON body.
    pub(crate) fn json(status: &str, body: &serde_json::Value) -> Self {
        Self::Instead(http_answer(status, body.to_string().as_bytes()))
    }
}

/// The server in front.
pub(crate) struct Front {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    counts: Mutex<BTreeMap<String, usize>>,
    log: Mutex<Vec<Request>>,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

impl Front {
    /// A server in front of `upstream`, a base URL; `judge` decides about each request.
    pub(crate) fn before(upstream: &str, judge: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            upstream: upstream.trim_start_matches("http://").to_owned(),
            counts: Mutex::default(),
            log: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let (judge, serving) = (Arc::new(judge), Arc::clone(&shared));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (judge, shared) = (Arc::clone(&judge), Arc::clone(&serving));
                std::thread::spawn(move || shared.serve(stream, &*judge));
            }
        });
        Self { url, shared }
    }

    /// The requests so far, in the order in which they came.
    pub(crate) fn log(&self) -> Vec<Request> {
        self.shared.log().clone()
    }

    /// The most requests that were under way at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Vec<Request>> {
        self.log.lock().expect("not poisoned")
    }

    fn serve(&self, mut stream: TcpStream, judge: &(impl Fn(&Request) -> Act + ?Sized)) {
        if self.serve_one(&mut stream, judge) {
            // The next request is seen, and not answered.
            self.serve_one(&mut stream, &|_: &Request| Act::Drop);
        }
    }

    /// Whether the line is kept after this request.
    fn serve_one(&self, stream: &mut TcpStream, judge: &(impl Fn(&Request) -> Act + ?Sized)) -> bool {
        let text = read_request(stream);
        let Some(request) = Request::parse(&text, &self.counts) else { return false };
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(under_way, Ordering::SeqCst);
        self.log().push(request.clone());
        let act = judge(&request);
        let kept = matches!(act, Act::Keep);
        let answer = match act {
            Act::Forward => self.forward(&text),
            Act::Keep => with_headers(&self.forward(&text), &[], &["connection:"]),
            Act::Instead(answer) => answer,
            Act::Links(links) => with_headers(&self.forward(&text), &links, &["location:", "operation-location:"]),
            Act::Cut => {
                let answer = self.forward(&text);
                answer[..answer.len() - answer.len() / 4].to_vec()
            }
            Act::Hang => {
                // The client goes away when it has waited long enough.
                let _ = stream.set_read_timeout(None);
                let _ = stream.read(&mut [0]);
                Vec::new()
            }
            Act::Drop => Vec::new(),
            Act::DropAfter => {
                self.forward(&text);
                Vec::new()
            }
        };
        // The client begins its next request when it has the answer, so this one is over before.
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        let _ = stream.write_all(&answer);
        kept
    }

    fn forward(&self, request: &str) -> Vec<u8> {
        let (head, body) = request.split_once("\r\n\r\n").expect("a head");
        let mut upstream = TcpStream::connect(&self.upstream).expect("the server behind");
        write!(upstream, "{head}\r\nconnection: close\r\n\r\n{body}").expect("sent");
        let mut answer = Vec::new();
        upstream.read_to_end(&mut answer).expect("an answer");
        answer
    }
}

/// The answer with other headers: those that begin so are gone.
fn with_headers(answer: &[u8], added: &[String], gone: &[&str]) -> Vec<u8> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]);
    let goes = |line: &&str| gone.iter().any(|name| line.to_ascii_lowercase().starts_with(name));
    let lines = head.lines().filter(|line| !goes(line)).chain(added.iter().map(String::as_str));
    [lines.collect::<Vec<_>>().join("\r\n").as_bytes(), &answer[end..]].concat()
}
