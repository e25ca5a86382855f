//! The part of HTTP that a CONNECT proxy speaks before TLS begins: one request head, one answer.

use tokio::io::{self, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use super::super::connection::Line;
use super::HOSTS;

/// Real heads have a few hundred bytes.
const HEAD_LIMIT: u64 = 16 << 10;
/// How much of a refused request is read away, so that its client gets to read the answer.
const DRAIN_LIMIT: u64 = 256 << 10;
/// The port that the hosts are asked on.
const PORT: &str = "443";

/// A request that gets no tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    status: &'static str,
    pub(super) reason: String,
}

/// The host to play, if the head asks for one of them.
pub(super) fn judge(head: &[u8]) -> Result<&'static str, Refused> {
    let refused = |status, reason| Err(Refused { status, reason });
    if !head.ends_with(b"\n\n") && !head.ends_with(b"\n\r\n") {
        return refused(
            "400 Bad Request",
            format!("the head of a request broke off, or has more than {HEAD_LIMIT} bytes"),
        );
    }
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let words = std::str::from_utf8(line).unwrap_or_default().split_whitespace().collect::<Vec<_>>();
    let (method, target) = match words.as_slice() {
        [method, target, version] if version.starts_with("HTTP/1.") => (*method, *target),
        _ => return refused("400 Bad Request", "this is not a request of HTTP/1.1".to_owned()),
    };
    if method != "CONNECT" {
        let reason = format!("this port takes CONNECT only, and no {}", shown(method));
        return refused("405 Method Not Allowed", reason);
    }
    let played = |host: &str| HOSTS.into_iter().find(|played| host.eq_ignore_ascii_case(played));
    match target.rsplit_once(':').map(|(host, port)| (played(host), port)) {
        Some((Some(host), PORT)) => Ok(host),
        _ => refused("403 Forbidden", format!("no connection is made to {}", shown(target))),
    }
}

/// A word of a request, fit for a terminal.
fn shown(word: &str) -> String {
    word.chars().take(200).flat_map(char::escape_debug).collect()
}

/// Reads a request up to its empty line, or to where it breaks off or gets too long. Nothing where the client left
/// without a word.
pub(super) async fn read_head(stream: &mut BufReader<Line>) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    let mut limited = stream.take(HEAD_LIMIT);
    loop {
        let start = head.len();
        if limited.read_until(b'\n', &mut head).await? == 0 {
            return Ok(Some(head).filter(|head| !head.is_empty()));
        }
        if start > 0 && matches!(&head[start..], b"\n" | b"\r\n") {
            return Ok(Some(head));
        }
    }
}

/// Says that the tunnel is open.
pub(super) async fn welcome(stream: &mut BufReader<Line>) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n").await?;
    stream.flush().await
}

/// Says why there is no tunnel, and what there is instead.
pub(super) async fn refuse(stream: &mut BufReader<Line>, refused: &Refused, base_url: &str) -> io::Result<()> {
    stream.write_all(&answer(refused, base_url)).await?;
    stream.shutdown().await?;
    // An unread request would reset the connection, and take the answer with it.
    io::copy(&mut stream.take(DRAIN_LIMIT), &mut io::sink()).await?;
    Ok(())
}

fn answer(refused: &Refused, base_url: &str) -> Vec<u8> {
    let Refused { status, reason } = refused;
    let hosts = HOSTS.join(", ");
    let body = format!(
        "offerctl sandbox: {reason}.\n\
         This is a CONNECT proxy that plays {hosts} on port {PORT} and never connects to anything else.\n\
         A client that needs other hosts as well gets them in NO_PROXY, and their authorities in its certificate file.\n\
         Without a proxy and TLS, the sandbox is at {base_url}.\n"
    );
    let allow = if status.starts_with("405") { "Allow: CONNECT\r\n" } else { "" };
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{allow}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(head: &str) -> &'static str {
        judge(head.as_bytes()).expect_err("refused").status
    }

    #[test]
    fn the_played_hosts_get_a_tunnel() {
        for host in HOSTS {
            assert_eq!(judge(format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n").as_bytes()), Ok(host));
        }
        assert_eq!(judge(b"CONNECT CloudPartner.Azure.COM:443 HTTP/1.0\n\n"), Ok("cloudpartner.azure.com"));
    }

    #[test]
    fn nothing_else_does() {
        for target in [
            "api.partner.microsoft.com:443",
            "cloudpartner.azure.com:80",
            "cloudpartner.azure.com",
            "cloudpartner.azure.com.evil.example:443",
            "evil.example:443/cloudpartner.azure.com:443",
            "127.0.0.1:443",
            "[::1]:443",
            ":443",
        ] {
            assert_eq!(status(&format!("CONNECT {target} HTTP/1.1\r\n\r\n")), "403 Forbidden", "{target}");
        }
        for request in ["GET http://cloudpartner.azure.com/ HTTP/1.1", "connect cloudpartner.azure.com:443 HTTP/1.1"] {
            assert_eq!(status(&format!("{request}\r\n\r\n")), "405 Method Not Allowed", "{request}");
        }
        for request in ["", "CONNECT", "CONNECT cloudpartner.azure.com:443", "\u{16}\u{3}\u{1}", "GET / HTTP/2.0"] {
            assert_eq!(status(&format!("{request}\r\n\r\n")), "400 Bad Request", "{request}");
        }
        assert_eq!(status("CONNECT cloudpartner.azure.com:443 HTTP/1.1\r\nHost: "), "400 Bad Request");
    }

    #[test]
    fn an_answer_says_what_to_do_and_repeats_nothing_harmful() {
        let refused = judge("CONNECT evil\u{1b}[31m:443 HTTP/1.1\r\n\r\n".as_bytes()).expect_err("refused");
        let text = String::from_utf8(answer(&refused, "http://127.0.0.1:8090")).expect("UTF-8");
        assert!(text.starts_with("HTTP/1.1 403 Forbidden\r\n") && !text.contains('\u{1b}'), "{text}");
        let (head, body) = text.split_once("\r\n\r\n").expect("a body");
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
        assert!(body.contains("NO_PROXY") && body.contains("http://127.0.0.1:8090"), "{body}");
        let wrong_method = judge(b"GET / HTTP/1.1\r\n\r\n").expect_err("refused");
        assert!(String::from_utf8_lossy(&answer(&wrong_method, "")).contains("\r\nAllow: CONNECT\r\n"));
    }
}
