//! Which addresses are asked at all. Who writes an offer file must not be able to make this machine knock at doors
//! that only it can reach; the portal could not fetch anything from there anyway.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Why an address is not asked.
pub(super) const PRIVATE: &str = "it is in a private network, where the portal cannot fetch it";

/// Whether an address is one that everybody can reach, as far as the URL itself tells.
pub(super) fn is_open(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_public(IpAddr::V6(address)),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name != "localhost" && !name.ends_with(".localhost")
        }
        None => false,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped().or_else(|| v6.to_ipv4()) {
            Some(v4) => is_public_v4(v4),
            None => {
                let first = v6.segments()[0];
                let local = (first & 0xfe00) == 0xfc00 || (first & 0xffc0) == 0xfe80;
                // 64:ff9b::/96 leads to any IPv4 address.
                let translated = first == 0x64 && v6.segments()[1] == 0xff9b;
                !(v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || local || translated)
            }
        },
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    let shared = a == 100 && (64..128).contains(&b);
    !(v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_unspecified()
        || v4.is_multicast()
        || v4.is_broadcast()
        || a == 0
        || a >= 240
        || shared)
}

/// Checks that a name does not lead into a private network. One that this machine does not know is known to a proxy alone.
pub(super) async fn leads_nowhere_private(url: &Url) -> bool {
    let Some(Host::Domain(name)) = url.host() else { return is_open(url) };
    match tokio::net::lookup_host((name, 0)).await {
        Ok(mut found) => found.all(|address| is_public(address.ip())),
        Err(_) => true,
    }
}

/// Names as the system resolves them, without the addresses that are not asked: a name is what its owner says it is.
#[derive(Debug)]
pub(super) struct PublicNames {
    /// The hosts of proxies, which lie in a private network as a rule.
    pub(super) proxies: Vec<String>,
}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let proxy = self.proxies.iter().any(|proxy| proxy.eq_ignore_ascii_case(name.as_str()));
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let open = found.filter(|address| proxy || is_public(address.ip())).collect::<Vec<SocketAddr>>();
            if open.is_empty() {
                return Err(PRIVATE.into());
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_lead_to_proxies_alone_within_a_private_network() {
        let names = |proxies: &[&str]| PublicNames { proxies: proxies.iter().map(ToString::to_string).collect() };
        let name = || "localhost".parse::<Name>().expect("a name");
        assert!(names(&["proxy.example"]).resolve(name()).await.is_err());
        assert!(names(&["LOCALHOST"]).resolve(name()).await.is_ok());
        let url = |text: &str| Url::parse(text).expect("a URL");
        assert!(!leads_nowhere_private(&url("https://localhost/a")).await);
        assert!(leads_nowhere_private(&url("https://cdn.contoso.invalid/a")).await);
    }

    #[test]
    fn only_what_everybody_can_reach_is_open() {
        let open = |text: &str| is_open(&Url::parse(text).expect("a URL"));
        for private in [
            "http://127.0.0.1/a",
            "http://localhost/a",
            "http://LOCALHOST./a",
            "http://a.localhost/",
            "http://10.1.2.3/",
            "http://169.254.169.254/latest/meta-data",
            "http://192.168.0.1/",
            "http://100.64.0.1/",
            "http://0.0.0.0/",
            "http://2130706433/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[fd00::1]/",
            "http://[fe80::1]/",
            "http://[64:ff9b::7f00:1]/",
        ] {
            assert!(!open(private), "{private}");
        }
        for public in ["https://cdn.contoso.example/a.png", "https://8.8.8.8/a", "https://[2606:4700::1]/a"] {
            assert!(open(public), "{public}");
        }
    }
}
