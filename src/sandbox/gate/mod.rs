//! Who may ask: the sandbox's own sign-in, and what a token is good for. Pure; the time comes in with the request.

mod form;
mod sign_in;
mod token;

use std::collections::BTreeSet;

use super::refusal::Refusal;
use crate::model::PublisherId;

pub(super) use sign_in::{Form, Hosts, SignIn, sign_in};
use token::Claims;
pub use token::Client;
pub(super) use token::Key;

/// The audience of tokens for this interface.
const AUDIENCE: &str = "https://cloudpartner.azure.com";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Demand {
    Nothing,
    /// Any word will do; one that the sandbox itself issued must be good.
    AnyToken,
    Fixed(String),
    /// One that the sandbox issued.
    Issued,
}

#[derive(Debug)]
pub(super) struct Gate {
    pub(super) demand: Demand,
    /// Who can sign in; anyone, where nobody is named.
    pub(super) clients: Vec<Client>,
    /// How long a token is good, in seconds.
    pub(super) lifetime: i64,
    pub(super) key: Key,
}

/// Which publishers the caller may ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    All,
    Only(BTreeSet<PublisherId>),
}

impl Reach {
    /// Whether this one is among them.
    pub(super) fn includes(&self, publisher: &PublisherId) -> bool {
        match self {
            Self::All => true,
            Self::Only(publishers) => publishers.contains(publisher),
        }
    }
}

impl Gate {
    /// What the caller may do, by the `Authorization` header.
    pub(super) fn admit(&self, authorization: Option<&str>, now: i64) -> Result<Reach, Refusal> {
        if self.demand == Demand::Nothing {
            return Ok(Reach::All);
        }
        let bearer = authorization
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty())
            .map(|(_, token)| token.trim())
            .ok_or_else(|| Refusal::Unauthorized("The request has no bearer token.".to_owned()))?;
        match (&self.demand, Claims::read(bearer, &self.key)) {
            (Demand::Fixed(expected), _) if bearer == expected => Ok(Reach::All),
            (Demand::Nothing, _) | (Demand::AnyToken, None) => Ok(Reach::All),
            (Demand::AnyToken | Demand::Issued, Some(claims)) => self.check(claims, now),
            (Demand::Fixed(_), _) | (Demand::Issued, None) => {
                Err(Refusal::Unauthorized("The bearer token was not issued here.".to_owned()))
            }
        }
    }

    fn check(&self, claims: Claims, now: i64) -> Result<Reach, Refusal> {
        let Claims { audience, expires, client, .. } = claims;
        if audience.trim_end_matches('/') != AUDIENCE {
            return Err(Refusal::Unauthorized(format!("The bearer token is for '{audience}', not for '{AUDIENCE}'.")));
        }
        if now.div_euclid(1_000) >= expires {
            return Err(Refusal::Unauthorized("The bearer token has expired.".to_owned()));
        }
        match self.clients.iter().find(|known| known.id.eq_ignore_ascii_case(&client)) {
            Some(client) if !client.publishers.is_empty() => Ok(Reach::Only(client.publishers.clone())),
            Some(_) => Ok(Reach::All),
            None if self.clients.is_empty() => Ok(Reach::All),
            None => Err(Refusal::Unauthorized("The bearer token is of a client that is not known.".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(demand: Demand, clients: &[&str]) -> Gate {
        let clients = clients.iter().map(|text| text.parse().expect("a client")).collect();
        Gate { demand, clients, lifetime: 3_600, key: Key::new("salt") }
    }

    fn bearer(gate: &Gate, audience: &str, client: &str) -> String {
        let claims = Claims {
            audience: audience.to_owned(),
            tenant: "t".to_owned(),
            client: client.to_owned(),
            issued: 0,
            expires: 3_600,
        };
        format!("Bearer {}", claims.write(&gate.key))
    }

    fn says(result: Result<Reach, Refusal>, part: &str) {
        match result {
            Err(Refusal::Unauthorized(message)) => assert!(message.contains(part), "{message}"),
            other => panic!("not refused for {part}: {other:?}"),
        }
    }

    #[test]
    fn a_token_of_our_own_must_be_good_and_others_need_only_be_there() {
        let gate = gate(Demand::AnyToken, &[]);
        assert_eq!(gate.admit(Some("Bearer word"), 0), Ok(Reach::All));
        says(gate.admit(None, 0), "no bearer token");
        says(gate.admit(Some("Bearer "), 0), "no bearer token");
        says(gate.admit(Some("Basic dTpw"), 0), "no bearer token");
        let good = bearer(&gate, AUDIENCE, "app");
        assert_eq!(gate.admit(Some(&good), 3_599_999), Ok(Reach::All));
        says(gate.admit(Some(&good), 3_600_000), "expired");
        says(gate.admit(Some(&bearer(&gate, "https://graph.microsoft.com", "app")), 0), "graph.microsoft.com");
        assert_eq!(gate.admit(Some(&bearer(&gate, "https://cloudpartner.azure.com/", "app")), 0), Ok(Reach::All));
    }

    #[test]
    fn a_fixed_token_is_the_only_one_and_none_can_be_asked_for() {
        let fixed = gate(Demand::Fixed("right".to_owned()), &[]);
        assert_eq!(fixed.admit(Some("bearer right"), 0), Ok(Reach::All));
        says(fixed.admit(Some("Bearer wrong"), 0), "not issued here");
        says(fixed.admit(Some(&bearer(&fixed, AUDIENCE, "app")), 0), "not issued here");
        assert_eq!(gate(Demand::Nothing, &[]).admit(None, 0), Ok(Reach::All));
    }

    #[test]
    fn clients_reach_their_publishers() {
        let gate = gate(Demand::Issued, &["app:s3cret@contoso,fabrikam", "root:s3cret"]);
        says(gate.admit(Some("Bearer word"), 0), "not issued here");
        says(gate.admit(Some(&bearer(&gate, AUDIENCE, "gone")), 0), "not known");
        assert_eq!(gate.admit(Some(&bearer(&gate, AUDIENCE, "root")), 0), Ok(Reach::All));
        let reach = gate.admit(Some(&bearer(&gate, AUDIENCE, "APP")), 0).expect("admitted");
        assert!(reach.includes(&"fabrikam".parse().expect("an id")));
        assert!(!reach.includes(&"northwind".parse().expect("an id")));
    }
}
