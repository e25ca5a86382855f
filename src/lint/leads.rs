//! Leads and notifications: settings that the portal takes and that do not do what they say.

use super::{Offer, found, short};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Node, Profile};
use crate::workspace::Desired;

pub(super) fn marketo_form(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    offer.entries(&mut |entry, _| {
        if short(&entry.key) != "marketoLeadConfiguration" {
            return;
        }
        let has = |key: &str| entry.value.entries().iter().any(|entry| entry.key.eq_ignore_ascii_case(key));
        if has("serverId") && !(has("clientId") && has("clientSecret")) {
            let message = "these Marketo settings use the format from before December 2022: `serverId` without an \
                API client";
            let help = "add `clientId`, and `clientSecret` as a `!secret`; `serverId` is no longer needed";
            findings.push(offer.found(Code::MarketoForm, entry.key_span, message).help(help));
        }
    });
}

/// Where the file itself says that the offer was migrated.
pub(super) fn notify_declared(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    let said = offer.desired.document.get("pcMigrationStatus").and_then(Node::as_str);
    let profile = (said == Some("migrated")).then_some(Profile::Migrated);
    findings.extend(notify_ignored(offer.desired, profile));
}

/// That nobody is told of a publish, where the offer's profile is known.
pub(crate) fn notify_ignored(desired: &Desired, profile: Option<Profile>) -> Option<Diagnostic> {
    if profile != Some(Profile::Migrated) || desired.reconcile.notify.is_empty() {
        return None;
    }
    let message = "the portal ignores `reconcile.notify` for this offer, because it was migrated";
    let help = "the portal notifies the owners of the account; remove `notify`";
    Some(found(desired, Code::NotifyIgnored, desired.reconcile.span, message).help(help))
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;

    #[test]
    fn marketo_wants_an_api_client() {
        let of = |settings: &str| said(&format!("offer:\n  marketoLeadConfiguration: {settings}\n"));
        let old = [
            "marketo-form 2:3 these Marketo settings use the format from before December 2022: `serverId` without an \
                API client",
        ];
        assert_eq!(of("{serverId: x, munchkinId: m, formId: f}"), old);
        assert_eq!(of("{serverID: x, clientId: c}"), old);
        assert_eq!(of("{serverId: x, clientId: c, clientSecret: !secret env:X}"), Vec::<String>::new());
        assert_eq!(of("{}"), Vec::<String>::new());
    }
}
