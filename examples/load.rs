//! Puts a load of reads on a server and says how many it answered: `load URL [CONNECTIONS] [SECONDS]`.
//!
//! Each connection asks again as soon as it has its answer, as `wrk` does. It understands chunked and counted bodies,
//! asks for no compression, and ends by itself.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a program opens connections and reads the clock"
)]

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What one connection saw.
#[derive(Debug, Default)]
struct Count {
    good: u64,
    other: u64,
    bytes: u64,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "it is what the program is for")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let url = url::Url::parse(arguments.first().ok_or("load URL [CONNECTIONS] [SECONDS]")?)?;
    let connections: usize = arguments.get(1).map_or(Ok(16), |text| text.parse())?;
    let seconds: u64 = arguments.get(2).map_or(Ok(5), |text| text.parse())?;
    let address = format!("{}:{}", url.host_str().ok_or("no host")?, url.port_or_known_default().ok_or("no port")?);
    let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    let request = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer load\r\n\r\n");
    let begin = Instant::now();
    let end = begin + Duration::from_secs(seconds.min(600));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (address, request) = (address.clone(), request.clone());
        tasks.spawn(async move { ask_until(end, &address, request.as_bytes()).await });
    }
    let mut total = Count::default();
    while let Some(done) = tasks.join_next().await {
        let Count { good, other, bytes } = done??;
        total = Count { good: total.good + good, other: total.other + other, bytes: total.bytes + bytes };
    }
    let took = begin.elapsed().as_secs_f64();
    let rate = u32::try_from(total.good).map_or(f64::NAN, f64::from) / took;
    println!(
        "{} answers of 200 in {took:.1} s over {connections} connections: {rate:.0} a second ({} others, {} bytes)",
        total.good, total.other, total.bytes
    );
    Ok(())
}

async fn ask_until(end: Instant, address: &str, request: &[u8]) -> std::io::Result<Count> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut count = Count::default();
    let mut buffer = Vec::with_capacity(1 << 16);
    while Instant::now() < end {
        stream.write_all(request).await?;
        buffer.clear();
        let length = loop {
            if let Some(length) = whole(&buffer) {
                break length;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        };
        count.bytes += u64::try_from(length).unwrap_or_default();
        let is_good = buffer.starts_with(b"HTTP/1.1 200 ");
        count.good += u64::from(is_good);
        count.other += u64::from(!is_good);
    }
    Ok(count)
}

/// The length of the answer, when it is there to its end.
fn whole(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    if text.contains("transfer-encoding: chunked") {
        return buffer.ends_with(b"\r\n0\r\n\r\n").then_some(buffer.len());
    }
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let end = head + length.unwrap_or_default();
    (buffer.len() >= end).then_some(end)
}
