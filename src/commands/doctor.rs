//! `offerctl doctor`: what keeps offerctl from working, one thing after the other. It reads only.
//!
//! Looking is in [`run`]; what a look means is in the pure functions below it.

use std::collections::BTreeSet;

use super::connect::Portal;
use super::shell::Shell;
use crate::cli::{Format, Targets};
use crate::error::{Error, Exit, Result};
use crate::model::{OfferKey, PublisherId};
use crate::portal::{Credential, Kind, Passed, Problem, Reader, surroundings};
use crate::render::{self, Paint};
use crate::report::{Check, Verdict};
use crate::workspace::Target;

/// A person waits: one repetition is enough to get over a hiccup.
const RETRIES: u32 = 1;

pub(super) async fn run(shell: &Shell, args: &Targets) -> Result<Exit> {
    let (project, publishers) = project(shell, &args.targets)?;
    let mut checks = vec![project];
    let way = surroundings();
    let blocked = way.iter().any(|check| matches!(check.verdict, Verdict::Bad { .. }));
    checks.extend(way);
    match shell.open(shell.global.retries.min(RETRIES)).await {
        Ok(portal) => {
            let look = async |portal: &Portal| shell.until_stopped(async { Ok(look(portal, &publishers).await) }).await;
            checks.extend(portal.during(look).await?);
        }
        Err(error) => checks.push(Check::new(if blocked { "network" } else { "credential" }, bad(&error))),
    }
    shell.emit(&|format, color| match format {
        Format::Json => render::doctor_json(&checks),
        _ => render::doctor(&checks, Paint { color }),
    })?;
    Ok(exit(&checks))
}

/// The project, and the publishers of its offers and of those that are named.
fn project(shell: &Shell, targets: &[String]) -> Result<(Check, BTreeSet<PublisherId>)> {
    let named = targets.iter().map(|target| Target::parse(target)).collect::<Result<Vec<_>>>()?;
    let mut publishers = named
        .into_iter()
        .filter_map(|target| match target {
            Target::Offer(OfferKey { publisher, .. }) => Some(publisher),
            Target::Path(_) => None,
        })
        .collect::<BTreeSet<_>>();
    let verdict = match shell.project_if_any() {
        Ok(None) => Verdict::Unknown("not in a project, so only the publishers of the targets are checked".to_owned()),
        Err(error) => bad(&error),
        Ok(Some(project)) => match shell.read_project(&[]) {
            Err(error) => bad(&error),
            Ok((_, loaded)) => {
                publishers.extend(loaded.offers.iter().map(|offer| offer.key.publisher.clone()));
                let root = project.root.display();
                match loaded.errors() {
                    0 => Verdict::Good(format!("{root}, {}", render::plural(loaded.offers.len(), "offer"))),
                    errors => Verdict::Bad {
                        what: format!("{root}: {} in the offer files", render::plural(errors, "error")),
                        next: "run `offerctl validate`".to_owned(),
                        exit: Exit::Invalid,
                    },
                }
            }
        },
    };
    Ok((Check::new("project", verdict), publishers))
}

/// The proxy and the certificates that the environment names.
fn surroundings() -> [Check; 2] {
    let env = |name: &str| std::env::var(name).ok();
    let check = |name, looked: Result<String, surroundings::Unusable>, nothing: &str| {
        let verdict = match looked {
            Ok(found) if found.is_empty() => Verdict::Good(nothing.to_owned()),
            Ok(found) => Verdict::Good(found),
            Err(unusable) => {
                Verdict::Bad { what: unusable.to_string(), next: "correct or unset it".to_owned(), exit: Exit::Invalid }
            }
        };
        Check::new(name, verdict)
    };
    [
        check("proxy", surroundings::proxy(&env), "none"),
        check("certificates", surroundings::certificates(&env), "system certificates"),
    ]
}

async fn look(portal: &Portal, publishers: &BTreeSet<PublisherId>) -> Vec<Check> {
    let reader = &portal.reader;
    let credential = credential(reader.credential(), &portal.passed).await;
    let reached = reader.reach().await;
    let network = match &reached {
        Ok(()) => Verdict::Good(format!("{} answers", portal.name)),
        Err(problem) => told(problem),
    };
    let clock = match &reached {
        Ok(()) => clock(reader.clock_ahead()),
        Err(_) => Verdict::Unknown("the portal does not answer".to_owned()),
    };
    let ready = reached.is_ok() && matches!(credential, Verdict::Good(_));
    let mut checks =
        vec![Check::new("credential", credential), Check::new("network", network), Check::new("clock", clock)];
    if ready {
        checks.extend(permission(reader, publishers).await);
    } else {
        let why = Verdict::Unknown("needs a token and a reachable portal".to_owned());
        checks.push(Check::new("permission", why));
    }
    checks
}

async fn credential(credential: &Credential, passed: &[Passed]) -> Verdict {
    match credential.check().await {
        Ok(life) => {
            let life = life.map_or_else(String::new, |life| format!("; renewed in {} s at the latest", life.as_secs()));
            Verdict::Good(format!("{}{life}", credential.method()))
        }
        Err(problem) => match told(&problem) {
            Verdict::Bad { what, next, exit } if credential.is_ambient() => {
                let looked = passed.iter().map(|passed| format!("{}: {}", passed.method.word(), passed.why));
                Verdict::Bad { what: format!("{what} ({})", looked.collect::<Vec<_>>().join("; ")), next, exit }
            }
            verdict => verdict,
        },
    }
}

/// Whether the token is accepted, and then each publisher.
async fn permission(reader: &Reader, publishers: &BTreeSet<PublisherId>) -> Vec<Check> {
    let listed = reader.publishers().await;
    let mut checks = vec![Check::new("token", token(&listed))];
    if listed.as_ref().is_err_and(Problem::is_denied) {
        return checks;
    }
    if publishers.is_empty() {
        let why = "no publisher to check: pass publisher/offer, or run it in a project";
        checks.push(Check::new("permission", Verdict::Unknown(why.to_owned())));
    }
    for id in publishers {
        let offers = reader.offers(id).await.map(|offers| offers.len());
        checks.push(Check::new(format!("publisher {id}"), publisher(id, listed.as_deref().ok(), &offers)));
    }
    checks
}

/// Tokens and signatures are judged by the clock.
fn clock(ahead: Option<i64>) -> Verdict {
    const BAD: u64 = 300;
    match ahead {
        None => Verdict::Unknown("the portal sends no time".to_owned()),
        Some(ahead) if ahead.unsigned_abs() > BAD => Verdict::Bad {
            what: format!("this machine's clock is {} the portal's", offset(ahead)),
            next: "synchronize the clock (NTP): with a wrong clock, tokens and signed URLs look expired or not yet \
                valid"
                .to_owned(),
            exit: Exit::Failed,
        },
        Some(ahead) if ahead.unsigned_abs() > 1 => Verdict::Good(format!("{} the portal's", offset(ahead))),
        Some(_) => Verdict::Good("same as the portal's".to_owned()),
    }
}

fn offset(ahead: i64) -> String {
    let (minutes, seconds) = (ahead.unsigned_abs() / 60, ahead.unsigned_abs() % 60);
    let side = if ahead > 0 { "behind" } else { "ahead of" };
    match minutes {
        0 => format!("{seconds} s {side}"),
        _ => format!("{minutes} min {seconds} s {side}"),
    }
}

fn token(listed: &Result<Vec<String>, Problem>) -> Verdict {
    match listed {
        Ok(publishers) => {
            Verdict::Good(format!("accepted; publishers: {}", render::plural(publishers.len(), "publisher")))
        }
        Err(problem) => told(problem),
    }
}

/// An empty list of offers is no permission yet: the portal lists the publishers that the token may see.
fn publisher(id: &PublisherId, listed: Option<&[String]>, offers: &Result<usize, Problem>) -> Verdict {
    let offers = match offers {
        Ok(offers) => *offers,
        Err(problem) => return told(problem),
    };
    match listed {
        Some(listed) if !listed.iter().any(|other| other.eq_ignore_ascii_case(id.as_str())) => {
            let sees = if listed.is_empty() { "none".to_owned() } else { listed.join(", ") };
            Verdict::Bad {
                what: format!("the credential has no access to this publisher; it has access to {sees}"),
                next: "check `publisherId` in the files, or add the service principal to that publisher's account"
                    .to_owned(),
                exit: Exit::Denied,
            }
        }
        _ => Verdict::Good(format!("readable; {}", render::plural(offers, "offer"))),
    }
}

fn told(problem: &Problem) -> Verdict {
    let next = problem.hint.as_deref().map(ToOwned::to_owned).unwrap_or_else(|| match problem.kind {
        Kind::Unauthenticated => "check the variables of this credential: docs/credentials.md".to_owned(),
        _ => "see the message of the portal".to_owned(),
    });
    let exit = if problem.is_denied() { Exit::Denied } else { Exit::Failed };
    Verdict::Bad { what: problem.to_string(), next, exit }
}

fn bad(error: &Error) -> Verdict {
    let next = error.hints().join("; ");
    let findings = error.diagnostics().iter().map(|finding| format!("{} {}", finding.place(), finding.message));
    let what = std::iter::once(error.to_string()).chain(findings).collect::<Vec<_>>().join("; ");
    let next = if next.is_empty() { "fix what the message names".to_owned() } else { next };
    Verdict::Bad { what, next, exit: error.exit }
}

/// That of the first thing that is bad: what follows may follow from it.
fn exit(checks: &[Check]) -> Exit {
    let bad = checks.iter().find_map(|check| match check.verdict {
        Verdict::Bad { exit, .. } => Some(exit),
        Verdict::Good(_) | Verdict::Unknown(_) => None,
    });
    bad.unwrap_or(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_good(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Good(_))
    }

    #[test]
    fn a_clock_is_bad_beyond_five_minutes_and_says_on_which_side() {
        assert!(is_good(&clock(Some(0))) && is_good(&clock(Some(-299))));
        assert!(matches!(clock(None), Verdict::Unknown(_)));
        let what = |ahead| match clock(Some(ahead)) {
            Verdict::Bad { what, .. } => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(what(600), "this machine's clock is 10 min 0 s behind the portal's");
        assert_eq!(what(-3_725), "this machine's clock is 62 min 5 s ahead of the portal's");
    }

    #[test]
    fn a_publisher_that_is_not_listed_is_not_ours_though_its_list_is_empty() {
        let id = "contoso".parse().expect("an id");
        let listed = ["Contoso".to_owned(), "other".to_owned()];
        assert!(is_good(&publisher(&id, Some(&listed), &Ok(3))));
        assert!(is_good(&publisher(&id, None, &Ok(0))), "the portal did not list any");
        let Verdict::Bad { what, exit, .. } = publisher(&id, Some(&listed[1..]), &Ok(0)) else { panic!("good") };
        assert_eq!(
            (what.as_str(), exit),
            ("the credential has no access to this publisher; it has access to other", Exit::Denied)
        );
        let forbidden = Problem::answer("GET /api/publishers/contoso/offers", 403, None, "");
        let Verdict::Bad { next, .. } = publisher(&id, Some(&listed), &Err(forbidden)) else { panic!("good") };
        assert!(next.contains("publisher `contoso`"), "{next}");
    }

    #[test]
    fn the_first_bad_thing_decides_the_exit() {
        let bad = |exit| Verdict::Bad { what: String::new(), next: String::new(), exit };
        let checks = |verdicts: Vec<Verdict>| verdicts.into_iter().map(|v| Check::new("c", v)).collect::<Vec<_>>();
        assert_eq!(exit(&checks(vec![Verdict::Good(String::new()), Verdict::Unknown(String::new())])), Exit::Done);
        assert_eq!(exit(&checks(vec![bad(Exit::Denied), bad(Exit::Failed)])), Exit::Denied);
    }
}
