//! From method and path to what is asked for. Pure, so that every spelling can be tested without a server.

use serde::Deserialize;

use super::refusal::Refusal;
use crate::model::{OfferKey, PublisherId, Slot};

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Publishers,
    /// The types that offers can have.
    OfferTypes,
    /// The offers of one publisher.
    Offers(PublisherId),
    Offer(OfferKey, Ask),
    /// An operation by its name alone, such as `contoso$offer$2$preview`.
    Operation(String),
}

/// What is asked of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    Draft,
    Version(i64),
    Slot(Slot),
    Put,
    Publish,
    GoLive,
    Cancel,
    Status,
    Submissions,
    Operation(String),
}

/// A route by name, as faults choose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    Publishers,
    OfferTypes,
    Offers,
    Offer,
    Put,
    Version,
    Slot,
    Publish,
    Golive,
    Cancel,
    Status,
    Submissions,
    Operation,
    Token,
}

impl Route {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Publishers => Kind::Publishers,
            Self::OfferTypes => Kind::OfferTypes,
            Self::Offers(_) => Kind::Offers,
            Self::Operation(_) => Kind::Operation,
            Self::Offer(_, ask) => match ask {
                Ask::Draft => Kind::Offer,
                Ask::Put => Kind::Put,
                Ask::Version(_) => Kind::Version,
                Ask::Slot(_) => Kind::Slot,
                Ask::Publish => Kind::Publish,
                Ask::GoLive => Kind::Golive,
                Ask::Cancel => Kind::Cancel,
                Ask::Status => Kind::Status,
                Ask::Submissions => Kind::Submissions,
                Ask::Operation(_) => Kind::Operation,
            },
        }
    }

    /// The offer that it is about.
    pub(super) fn offer(&self) -> Option<OfferKey> {
        match self {
            Self::Offer(key, _) => Some(key.clone()),
            Self::Operation(id) => OperationName::parse(id).map(|name| name.key),
            Self::Publishers | Self::OfferTypes | Self::Offers(_) => None,
        }
    }

    /// Whether it may change something.
    pub(super) fn is_change(&self) -> bool {
        matches!(self, Self::Offer(_, Ask::Put | Ask::Publish | Ask::GoLive | Ask::Cancel))
    }

    /// Whose offers it is about.
    pub(super) fn publisher(&self) -> Option<PublisherId> {
        match self {
            Self::Publishers | Self::OfferTypes => None,
            Self::Offers(publisher) => Some(publisher.clone()),
            Self::Offer(key, _) => Some(key.publisher.clone()),
            Self::Operation(id) => OperationName::parse(id).map(|name| name.key.publisher),
        }
    }

    /// Reads a decoded path below `/api`, without its query.
    pub(super) fn of(method: &str, path: &str) -> Result<Self, Refusal> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            ["publishers"] => only("GET", method, Self::Publishers),
            [name] if name.eq_ignore_ascii_case("offerTypes") => only("GET", method, Self::OfferTypes),
            ["publishers", publisher, "offers"] => only("GET", method, Self::Offers(identifier(publisher)?)),
            ["publishers", publisher, "offers", offer, rest @ ..] => {
                let key = OfferKey { publisher: identifier(publisher)?, offer: identifier(offer)? };
                Ok(Self::Offer(key, ask(method, rest)?))
            }
            ["operations", id] => only("GET", method, Self::Operation((*id).to_owned())),
            _ => Err(Refusal::NoSuchPath),
        }
    }
}

/// A path in the one spelling that routes are compared in: unreserved characters, and the `$` in names of operations,
/// are the same whether they are percent-encoded or not. Everything else stays as it was sent.
pub(super) fn decoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).map(char::from);
        match code.filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '$')) {
            Some(c) => {
                result.push(c);
                result.push_str(&part[2..]);
            }
            None => {
                result.push('%');
                result.push_str(part);
            }
        }
    }
    result
}

fn ask(method: &str, rest: &[&str]) -> Result<Ask, Refusal> {
    match rest {
        [] if method == "PUT" => Ok(Ask::Put),
        [] => only("GET", method, Ask::Draft),
        ["versions", number] => {
            let number =
                number.parse().map_err(|_| Refusal::BadRequest(format!("'{number}' is not a version number.")))?;
            only("GET", method, Ask::Version(number))
        }
        ["slot", name] => only("GET", method, Ask::Slot(slot(name)?)),
        ["publish"] => only("POST", method, Ask::Publish),
        ["golive"] => only("POST", method, Ask::GoLive),
        ["cancel"] => only("POST", method, Ask::Cancel),
        ["status"] => only("GET", method, Ask::Status),
        ["submissions" | "operations"] => only("GET", method, Ask::Submissions),
        ["operations", id] => only("GET", method, Ask::Operation((*id).to_owned())),
        _ => Err(Refusal::NoSuchPath),
    }
}

fn only<T>(allowed: &str, method: &str, route: T) -> Result<T, Refusal> {
    if method == allowed { Ok(route) } else { Err(Refusal::MethodNotAllowed) }
}

fn identifier<T: std::str::FromStr<Err = crate::model::IdError>>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|error: crate::model::IdError| Refusal::BadRequest(error.to_string()))
}

fn slot(name: &str) -> Result<Slot, Refusal> {
    [Slot::Draft, Slot::Preview, Slot::Production]
        .into_iter()
        .find(|slot| slot.as_str().eq_ignore_ascii_case(name))
        .ok_or_else(|| Refusal::BadRequest(format!("'{name}' is not a slot.")))
}

/// The name of an operation on a native offer, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OperationName {
    pub(super) key: OfferKey,
    pub(super) publishing_version: i64,
    pub(super) slot: Slot,
}

impl OperationName {
    /// Reads `publisher$offer$number$slot`; the preview slot also answers to `staging`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('$').collect();
        let [publisher, offer, number, name] = parts.as_slice() else { return None };
        let slot = if name.eq_ignore_ascii_case("staging") { Slot::Preview } else { slot(name).ok()? };
        Some(Self {
            key: OfferKey { publisher: publisher.parse().ok()?, offer: offer.parse().ok()? },
            publishing_version: number.parse().ok()?,
            slot,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(ask: Ask) -> Result<Route, Refusal> {
        Ok(Route::Offer("contoso/vm".parse().expect("a key"), ask))
    }

    #[test]
    fn every_spelling_of_a_path_leads_to_its_route() {
        let get = |rest: &str| Route::of("GET", &format!("/publishers/contoso/offers/vm{rest}"));
        assert_eq!(Route::of("GET", "/publishers/"), Ok(Route::Publishers));
        assert_eq!(
            Route::of("GET", "/publishers/contoso/offers/"),
            Ok(Route::Offers("contoso".parse().expect("an id")))
        );
        assert_eq!(get("/"), offer(Ask::Draft));
        assert_eq!(get("/versions/1252868275"), offer(Ask::Version(1_252_868_275)));
        assert_eq!(get("/slot/Draft"), offer(Ask::Slot(Slot::Draft)));
        assert_eq!(get("/slot/PREVIEW/"), offer(Ask::Slot(Slot::Preview)));
        assert_eq!(get("/submissions/"), offer(Ask::Submissions));
        assert_eq!(get("/operations"), offer(Ask::Submissions));
        assert_eq!(get("/operations/x/"), offer(Ask::Operation("x".to_owned())));
        assert_eq!(
            Route::of("GET", "/operations/contoso$vm$2$preview"),
            Ok(Route::Operation("contoso$vm$2$preview".to_owned()))
        );
        assert_eq!(Route::of("PUT", "/publishers/contoso/offers/vm"), offer(Ask::Put));
        assert_eq!(Route::of("POST", "/publishers/contoso/offers/vm/golive"), offer(Ask::GoLive));
    }

    #[test]
    fn encoded_unreserved_characters_are_the_same_path() {
        for (sent, read) in [
            ("/api/publishers/conto%73o/offers/%76%6D", "/api/publishers/contoso/offers/vm"),
            ("/%61pi/%2D%2E%5f%7e", "/api/-._~"),
            ("/operations/contoso%24vm%242%24preview", "/operations/contoso$vm$2$preview"),
            // These would mean something else, or are no encoding.
            ("/a%2Fb%20c%25", "/a%2Fb%20c%25"),
            ("/a%", "/a%"),
            ("/a%7", "/a%7"),
            ("/%+1%é%zz", "/%+1%é%zz"),
            ("/%2573", "/%2573"),
        ] {
            assert_eq!(decoded(sent), read);
        }
    }

    #[test]
    fn what_is_not_served_is_refused() {
        assert_eq!(Route::of("GET", "/publishers/contoso/offers/vm/images"), Err(Refusal::NoSuchPath));
        assert_eq!(Route::of("DELETE", "/publishers/contoso/offers/vm"), Err(Refusal::MethodNotAllowed));
        assert_eq!(Route::of("GET", "/publishers/contoso/offers/vm/publish"), Err(Refusal::MethodNotAllowed));
        for bad in ["/publishers/a%2Fb/offers", "/publishers/c/offers/v/versions/x", "/publishers/c/offers/v/slot/live"]
        {
            assert!(matches!(Route::of("GET", bad), Err(Refusal::BadRequest(_))), "{bad}");
        }
    }

    #[test]
    fn operation_names_come_apart() {
        let name = OperationName::parse("contoso$vm$2$staging").expect("a name");
        assert_eq!((name.publishing_version, name.slot), (2, Slot::Preview));
        for bad in ["contoso$vm$2", "contoso$vm$two$preview", "contoso$vm$2$moon", ""] {
            assert_eq!(OperationName::parse(bad), None, "{bad}");
        }
    }
}
