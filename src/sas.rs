//! Shared access signatures of Azure Blob Storage: which addresses may be signed, and the signature itself. Pure: keys
//! and the time come in as values.
//!
//! An offer file comes from whoever may open a pull request, so an address is matched as text against the blob endpoint
//! of an account that `[[sas]]` lists. Everything that two URL parsers could read in different ways is an error.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use serde::Deserialize;
use serde::de::Error as _;
use url::Url;

/// The parameters of every kind of signature. They do not count when a `!sas` address is compared.
pub(crate) const PARAMETERS: [&str; 28] = [
    "sv", "sr", "st", "se", "sp", "spr", "sip", "si", "sig", "ss", "srt", "sdd", "ses", "skoid", "sktid", "skt", "ske",
    "sks", "skv", "saoid", "suoid", "scid", "sduoid", "rscc", "rscd", "rsce", "rscl", "rsct",
];

/// The version whose rules the signature follows.
const VERSION: &str = "2022-11-02";

const DAY: i64 = 24;

/// `[[sas]]` of `offerctl.toml`: a storage account, and the containers that may be signed.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    #[serde(deserialize_with = "account")]
    pub(crate) account: String,
    #[serde(default)]
    cloud: Cloud,
    #[serde(deserialize_with = "containers")]
    containers: Vec<String>,
    /// How long a signature lasts.
    #[serde(default = "ninety", deserialize_with = "days")]
    days: i64,
}

/// An account name is unique within a cloud only, so the cloud is never taken from an address.
#[derive(Debug, Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Cloud {
    #[default]
    Public,
    China,
    UsGov,
}

impl Cloud {
    const ALL: [Self; 3] = [Self::Public, Self::China, Self::UsGov];

    /// What follows the account in the host of its blob endpoint.
    fn suffix(self) -> &'static str {
        match self {
            Self::Public => ".blob.core.windows.net",
            Self::China => ".blob.core.chinacloudapi.cn",
            Self::UsGov => ".blob.core.usgovcloudapi.net",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::China => "china",
            Self::UsGov => "usgov",
        }
    }
}

const fn ninety() -> i64 {
    90
}

/// Whether a text is the name of a storage account.
fn is_account(name: &str) -> bool {
    (3..=24).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Whether a text is the name of a container.
fn is_container(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

fn account<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let message = "`account` is the name of a storage account: 3 to 24 lower-case letters and digits";
    if is_account(&name) { Ok(name) } else { Err(D::Error::custom(message)) }
}

fn containers<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let message = "`containers` lists one or more containers by name: 3 to 63 lower-case letters, digits and hyphens";
    let good = !names.is_empty() && names.iter().all(|name| is_container(name));
    if good { Ok(names) } else { Err(D::Error::custom(message)) }
}

fn days<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    const MOST: i64 = 3 * 366;
    let days = i64::deserialize(deserializer)?;
    let message = format!("`days` is a number from 1 to {MOST}");
    if (1..=MOST).contains(&days) { Ok(days) } else { Err(D::Error::custom(message)) }
}

/// Every account that may be signed for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Accounts(Vec<Account>);

impl<'de> Deserialize<'de> for Accounts {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let accounts = Vec::<Account>::deserialize(deserializer)?;
        let mut names = accounts.iter().map(|one| one.account.as_str()).collect::<Vec<_>>();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            // Keys are found by the account's name, and a key must not sign for another cloud's account of that name.
            Some(pair) => {
                Err(D::Error::custom(format!("[[sas]] lists the account `{}` twice; merge the two", pair[0])))
            }
            None => Ok(Self(accounts)),
        }
    }
}

/// An address of a blob, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// `None` for a server on this machine.
    pub(crate) cloud: Option<Cloud>,
    pub(crate) account: String,
    pub(crate) container: String,
}

impl Place {
    /// Takes an address apart that has one reading only.
    ///
    /// # Errors
    /// What is wrong with the address. The text holds no part of a query.
    pub(crate) fn of(address: &str) -> Result<Self, String> {
        let url = Url::parse(address).map_err(|error| format!("it is not an address: {error}"))?;
        if address.contains(['?', '#']) {
            return Err("it has a query or a fragment; write the address without its signature".to_owned());
        }
        if address.contains('@') || !url.username().is_empty() || url.password().is_some() {
            return Err("it has an `@`, so the host is not the part that it seems to be; write \
                    https://ACCOUNT.blob.core.windows.net/…"
                .to_owned());
        }
        if url.as_str() != address {
            return Err(format!("it is not in its plain form; write {url}, if that is correct"));
        }
        let mut segments = url.path_segments().into_iter().flatten();
        let (cloud, account) = match (url.scheme(), url.host_str().unwrap_or_default()) {
            ("https", host) => {
                let found = Cloud::ALL.into_iter().find_map(|cloud| Some((cloud, host.strip_suffix(cloud.suffix())?)));
                let (cloud, account) =
                    found.ok_or_else(|| format!("`{host}` is not the blob endpoint of an account"))?;
                if url.port().is_some() {
                    return Err("it has a port; a blob endpoint has none".to_owned());
                }
                (Some(cloud), account)
            }
            ("http", "127.0.0.1" | "localhost" | "[::1]") => (None, segments.next().unwrap_or_default()),
            _ => return Err("it is not https; plain http is signed on loopback only".to_owned()),
        };
        if !is_account(account) {
            return Err(format!("`{account}` is not the name of a storage account"));
        }
        let container = segments.next().unwrap_or_default();
        if !is_container(container) {
            return Err(format!("`{container}` is not the name of a container"));
        }
        let blob = segments.collect::<Vec<_>>();
        let strange = |part: &&str| {
            let lower = part.to_ascii_lowercase();
            part.is_empty() || ["%2f", "%5c", "%00"].iter().any(|escape| lower.contains(escape))
        };
        match blob.iter().find(|part| strange(part)) {
            _ if blob.is_empty() => Err("it has no blob name".to_owned()),
            Some(_) => Err("its path has an empty part, or an escaped slash or zero byte".to_owned()),
            None => Ok(Self { cloud, account: account.to_owned(), container: container.to_owned() }),
        }
    }
}

/// A blob that an account of the project holds, in a container that may be signed.
#[derive(Debug)]
pub(crate) struct Blob<'a> {
    address: &'a str,
    pub(crate) account: &'a Account,
    place: Place,
}

impl Accounts {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the blob at an address, if its signature may be made.
    ///
    /// # Errors
    /// Why the address is never signed, and what to do.
    pub(crate) fn blob<'a>(&'a self, address: &'a str) -> Result<Blob<'a>, String> {
        let place = Place::of(address)?;
        Ok(Blob { address, account: self.account(&place)?, place })
    }

    /// Returns the account of a place, if its signature may be made.
    ///
    /// # Errors
    /// What is to be added or changed.
    pub(crate) fn account(&self, place: &Place) -> Result<&Account, String> {
        let Place { cloud, account: name, container } = place;
        let Some(account) = self.0.iter().find(|one| one.account == *name) else {
            return Err(format!("offerctl.toml does not list the account `{name}`; add {}", entry(place)));
        };
        match cloud {
            Some(cloud) if account.cloud != *cloud => Err(format!(
                "the account `{name}` of offerctl.toml is in the {} cloud, and this host is in the {} cloud",
                account.cloud.name(),
                cloud.name()
            )),
            _ if !account.containers.contains(container) => Err(format!(
                "[[sas]] of offerctl.toml does not list the container `{container}` of `{name}`; add it to `containers`"
            )),
            _ => Ok(account),
        }
    }
}

/// The entry that allows a place, in one line.
fn entry(place: &Place) -> String {
    let Place { cloud, account, container } = place;
    let cloud = cloud.filter(|cloud| *cloud != Cloud::Public);
    let cloud = cloud.map_or_else(String::new, |cloud| format!(", cloud = \"{}\"", cloud.name()));
    format!("[[sas]] with account = \"{account}\", containers = [\"{container}\"]{cloud}")
}

/// The lines of `offerctl.toml` that allow these places, sorted by account.
pub(crate) fn entries<'p>(places: impl IntoIterator<Item = &'p Place>) -> String {
    use std::collections::{BTreeMap, BTreeSet};
    let mut by_account = BTreeMap::<&str, (Option<Cloud>, BTreeSet<&str>)>::new();
    for place in places {
        let (cloud, containers) = by_account.entry(&place.account).or_default();
        *cloud = cloud.or(place.cloud);
        containers.insert(&place.container);
    }
    let one = |(account, (cloud, containers)): (&str, (Option<Cloud>, BTreeSet<&str>))| {
        let cloud = cloud.filter(|cloud| *cloud != Cloud::Public);
        let cloud = cloud.map_or_else(String::new, |cloud| format!("cloud = \"{}\"\n", cloud.name()));
        let containers = containers.into_iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        format!("[[sas]]\naccount = \"{account}\"\n{cloud}containers = [{containers}]\n")
    };
    by_account.into_iter().map(one).collect::<Vec<_>>().join("\n")
}

impl Blob<'_> {
    /// Whether only this machine can fetch it.
    pub(crate) fn is_on_loopback(&self) -> bool {
        self.place.cloud.is_none()
    }

    /// Signs the container for reading and listing, from a day ago, because clocks differ.
    ///
    /// # Errors
    /// What is wrong with the key. The text holds no part of it.
    pub(crate) fn sign(&self, key: &str, now: Timestamp) -> Result<String, String> {
        let key = BASE64_STANDARD.decode(key.trim()).ok().filter(|key| key.len() >= 16);
        let key = key.ok_or("the key is not base64, as a storage account shows it")?;
        let at = |hours: i64| {
            let moment = now.checked_add(SignedDuration::from_hours(hours)).map_err(|error| error.to_string())?;
            Ok::<_, String>(moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        };
        let (start, end) = (at(-DAY)?, at(self.account.days * DAY)?);
        let protocol = if self.is_on_loopback() { "https,http" } else { "https" };
        let resource = format!("/blob/{}/{}", self.place.account, self.place.container);
        // Permissions, start, end, resource, policy, addresses, protocol, version, kind, and seven fields that are not used.
        let text = format!("rl\n{start}\n{end}\n{resource}\n\n\n{protocol}\n{VERSION}\nc\n\n\n\n\n\n\n");
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes());
        let signature = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("sig", &BASE64_STANDARD.encode(signature))
            .finish();
        let address = self.address;
        Ok(format!("{address}?sv={VERSION}&sr=c&sp=rl&st={start}&se={end}&spr={protocol}&{signature}"))
    }

    /// Appends a signature that somebody else made.
    ///
    /// # Errors
    /// Why it cannot be used. The text holds no part of it.
    pub(crate) fn with_token(&self, token: &str, now: Timestamp) -> Result<String, String> {
        let token = token.trim().trim_start_matches('?');
        let pairs = url::form_urlencoded::parse(token.as_bytes()).collect::<Vec<_>>();
        let get = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref());
        let plain = token.bytes().all(|byte| byte.is_ascii_graphic() && !b"#?\"<>\\^`{|}".contains(&byte));
        let known = pairs.iter().all(|(name, _)| PARAMETERS.contains(&name.as_ref()));
        if !plain || !known || get("sig").is_none_or(str::is_empty) {
            return Err("the token is not the query of a signature, such as sv=…&sp=rl&sig=…".to_owned());
        }
        match get("se").map(moment) {
            Some(Some(end)) if end <= now => Err(format!("the token ended on {}", end.strftime("%Y-%m-%d"))),
            _ => Ok(format!("{}?{token}", self.address)),
        }
    }
}

/// A time as signatures have it; seconds may be missing.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let bare = || text.trim_end_matches('Z').parse::<DateTime>().ok();
    let utc = |moment: DateTime| moment.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse::<Timestamp>().ok().or_else(|| utc(bare()?))
}

/// Returns an address without its signature, and what the signature says of its end; `None` for other texts.
pub(crate) fn unsigned(text: &str) -> Option<(String, Option<Timestamp>)> {
    let (bare, query) = text.split_once('?')?;
    let mut end = None;
    let mut signed = false;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "se" => end = moment(&value),
            "sig" => signed = true,
            name if PARAMETERS.contains(&name) => {}
            _ => return None,
        }
    }
    signed.then(|| (bare.to_owned(), end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(text: &str) -> Accounts {
        #[derive(Deserialize)]
        struct File {
            sas: Accounts,
        }
        toml::from_str::<File>(text).expect("good").sas
    }

    fn contoso() -> Accounts {
        accounts("[[sas]]\naccount = \"contoso\"\ncontainers = [\"images\", \"disks\"]\n")
    }

    /// The account that Azurite has built in, with its published key.
    const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    fn now() -> Timestamp {
        "2026-11-25T12:00:00.5Z".parse().expect("a time")
    }

    #[test]
    fn a_signature_is_that_of_the_container_for_reading_and_listing() {
        let accounts = contoso();
        let blob = accounts.blob("https://contoso.blob.core.windows.net/images/a/b%20c.vhd").expect("listed");
        let signed = blob.sign(KEY, now()).expect("signed");
        let (bare, query) = signed.split_once('?').expect("a query");
        assert_eq!(bare, "https://contoso.blob.core.windows.net/images/a/b%20c.vhd");
        let (rest, signature) = query.split_once("&sig=").expect("a signature");
        let expected = "sv=2022-11-02&sr=c&sp=rl&st=2026-11-24T12:00:00Z&se=2027-02-23T12:00:00Z&spr=https";
        assert_eq!(rest, expected);
        // Made with `openssl dgst -sha256 -mac HMAC` over the sixteen fields.
        assert_eq!(signature, SIGNATURE);
        assert_eq!(unsigned(&signed), Some((bare.to_owned(), moment("2027-02-23T12:00:00Z"))));
        let other = "https://contoso.blob.core.windows.net/disks/x.vhd";
        let other = accounts.blob(other).expect("listed").sign(KEY, now()).expect("signed");
        assert!(!other.contains(signature), "each container has a signature of its own");
        for key in ["", "not base64!", "c2hvcnQ="] {
            assert!(blob.sign(key, now()).expect_err("refused").contains("base64"), "{key}");
        }
    }

    const SIGNATURE: &str = "s1xErfY2NXFIaTaXqyrXuzJnsN0V7MLCoaDDuRC8R9Q%3D";

    #[test]
    fn nothing_is_signed_but_a_blob_in_a_listed_container() {
        let accounts = contoso();
        for good in [
            "https://contoso.blob.core.windows.net/images/a.vhd",
            "https://contoso.blob.core.windows.net/disks/x/y%20z.vhd",
            "http://127.0.0.1:10000/contoso/images/a.vhd",
            "http://localhost/contoso/images/a.vhd",
            "http://[::1]:1/contoso/images/a.vhd",
        ] {
            assert!(accounts.blob(good).is_ok(), "{good}: {:?}", accounts.blob(good).err());
        }
        for bad in [
            "https://evil.example/images/a.vhd",
            "https://evil.blob.core.windows.net/images/a.vhd",
            "https://contoso.blob.core.windows.net.evil.example/images/a.vhd",
            "https://contoso.blob.core.windows.net@evil.example/images/a.vhd",
            "https://contoso.blob.core.windows.net:x@evil.example/images/a.vhd",
            "https://@contoso.blob.core.windows.net/images/a.vhd",
            "https://evil@contoso.blob.core.windows.net/images/a.vhd",
            "https://evil.example/contoso.blob.core.windows.net/images/a.vhd",
            "https://evil.example\\@contoso.blob.core.windows.net/images/a.vhd",
            "https:contoso.blob.core.windows.net/images/a.vhd",
            "https:\\\\contoso.blob.core.windows.net\\images\\a.vhd",
            "https://contoso.blob.core.windows.net./images/a.vhd",
            "https://x.contoso.blob.core.windows.net/images/a.vhd",
            "https://evilcontoso.blob.core.windows.net/images/a.vhd",
            "https://.blob.core.windows.net/images/a.vhd",
            "https://blob.core.windows.net/contoso/images/a.vhd",
            "https://CONTOSO.blob.core.windows.net/images/a.vhd",
            "HTTPS://contoso.blob.core.windows.net/images/a.vhd",
            "https://c\u{43e}ntoso.blob.core.windows.net/images/a.vhd",
            "https://xn--cntoso-jua.blob.core.windows.net/images/a.vhd",
            "https://contoso\u{3002}blob.core.windows.net/images/a.vhd",
            "https://contoso.blob.core.windows.net:443/images/a.vhd",
            "https://contoso.blob.core.windows.net:8443/images/a.vhd",
            "https://contoso.blob.core.chinacloudapi.cn/images/a.vhd",
            "https://contoso.z01.blob.storage.azure.net/images/a.vhd",
            "https://contoso.file.core.windows.net/images/a.vhd",
            "https://contoso.blob.core.windows.net/secret/a.vhd",
            "https://contoso.blob.core.windows.net/IMAGES/a.vhd",
            "https://contoso.blob.core.windows.net/image%73/a.vhd",
            "https://contoso.blob.core.windows.net/images/../secret/a.vhd",
            "https://contoso.blob.core.windows.net/images/%2e%2e/secret/a.vhd",
            "https://contoso.blob.core.windows.net/images/..%2fsecret/a.vhd",
            "https://contoso.blob.core.windows.net/images/..%5Csecret/a.vhd",
            "https://contoso.blob.core.windows.net/images/a%00.vhd",
            "https://contoso.blob.core.windows.net/images//a.vhd",
            "https://contoso.blob.core.windows.net//images/a.vhd",
            "https://contoso.blob.core.windows.net/images",
            "https://contoso.blob.core.windows.net/images/",
            "https://contoso.blob.core.windows.net/images/a.vhd?",
            "https://contoso.blob.core.windows.net/images/a.vhd?sp=rl",
            "https://contoso.blob.core.windows.net/images/a.vhd#x",
            "https://contoso.blob.core.windows.net/images/a\t.vhd",
            "http://contoso.blob.core.windows.net/images/a.vhd",
            "http://127.0.0.1.evil.example/contoso/images/a.vhd",
            "http://2130706433/contoso/images/a.vhd",
            "http://127.1/contoso/images/a.vhd",
            "http://10.0.0.1/contoso/images/a.vhd",
            "http://127.0.0.1/evil/images/a.vhd",
            "http://127.0.0.1@evil.example/contoso/images/a.vhd",
            "https://127.0.0.1/contoso/images/a.vhd",
            "file:///contoso/images/a.vhd",
            "images/a.vhd",
            "",
        ] {
            assert!(accounts.blob(bad).is_err(), "{bad}");
        }
        let said =
            accounts.blob("https://contoso.blob.core.windows.net/images/a.vhd?sig=CANARYsig").expect_err("refused");
        assert!(!said.contains("CANARY"), "{said}");
    }

    #[test]
    fn an_account_of_another_cloud_is_another_account() {
        let china = accounts("[[sas]]\naccount = \"contoso\"\ncloud = \"china\"\ncontainers = [\"images\"]\n");
        assert!(china.blob("https://contoso.blob.core.chinacloudapi.cn/images/a.vhd").is_ok());
        assert!(china.blob("https://contoso.blob.core.windows.net/images/a.vhd").is_err());
    }

    #[test]
    fn a_token_is_the_query_of_a_signature_that_has_not_ended() {
        let accounts = contoso();
        let blob = accounts.blob("https://contoso.blob.core.windows.net/images/a.vhd").expect("listed");
        for token in ["?sv=1&sp=rl&sig=a%2Fb", "sv=1&sp=rl&sig=a%2Fb\n"] {
            let signed = blob.with_token(token, now()).expect("good");
            assert_eq!(signed, "https://contoso.blob.core.windows.net/images/a.vhd?sv=1&sp=rl&sig=a%2Fb");
        }
        assert!(blob.with_token("sig=x&se=2026-11-25T12:00:01Z", now()).is_ok());
        for token in ["", "sig=", "sp=rl", "sig=x#y", "sig=x y", "sig=x&other=1", "sig=x&se=2026-11-25T12:00Z"] {
            assert!(blob.with_token(token, now()).is_err(), "{token}");
        }
    }

    #[test]
    fn entries_are_checked_and_come_back_as_they_were_found() {
        let places = [
            "https://contoso.blob.core.windows.net/images/a.vhd",
            "https://contoso.blob.core.windows.net/disks/a.vhd",
            "https://other.blob.core.usgovcloudapi.net/images/b.vhd",
        ];
        let written = entries(&places.map(|address| Place::of(address).expect("a blob")));
        let read = accounts(&written);
        assert!(places.iter().all(|address| read.blob(address).is_ok()), "{written}");
        assert_eq!(read.len(), 2);
        for text in [
            "account = \"Contoso\"\ncontainers = [\"images\"]",
            "account = \"contoso.evil\"\ncontainers = [\"images\"]",
            "account = \"contoso\"\ncontainers = []",
            "account = \"contoso\"\ncontainers = [\"*\"]",
            "account = \"contoso\"\ncontainers = [\"images/x\"]",
            "account = \"contoso\"\ncontainers = [\"images\"]\ndays = 0",
            "account = \"contoso\"\ncontainers = [\"images\"]\ndays = 100000",
            "account = \"contoso\"\ncontainers = [\"images\"]\ncloud = \"mars\"",
            "account = \"contoso\"\ncontainers = [\"images\"]\nhost = \"evil.example\"",
            "account = \"contoso\"\ncontainers = [\"images\"]\n[[sas]]\naccount = \"contoso\"\ncontainers = [\"disks\"]",
            "containers = [\"images\"]",
        ] {
            let text = format!("[[sas]]\n{text}\n");
            let table = toml::from_str::<toml::Table>(&text).expect("TOML");
            assert!(Accounts::deserialize(table["sas"].clone()).is_err(), "{text}");
        }
    }
}
