//! The algebra of documents under a schema.
//!
//! Everything that goes through a document with its schema at hand is built from four parts, so that the identity of
//! members, the names on an address and the treatment of lists are decided once:
//!
//! * [`walk`] visits every value of one document, [`zip`] every pair of values of two, members paired by identity;
//! * [`map`](map::map) makes another document of one: [`redacted`], [`writable`];
//! * [`canonical`] is the text in which equal documents are equal;
//! * [`Finder`] finds values by address.
//!
//! A document is a tree of either kind ([`Tree`]): what the portal returned, or what a file declares. Each of the parts
//! takes time in proportion to the document, but for sorting.

mod align;
mod canonical;
mod find;
mod map;
mod members;
mod path;
mod scalar;
mod store;
mod tree;
mod walk;

pub(crate) use align::align;
pub(crate) use canonical::{canonical, digest};
pub(crate) use find::{AddressMap, Finder, Found};
pub(crate) use map::{redacted, redacted_beside, writable};
pub(crate) use members::{Keyed, identity, is_set, is_unordered, members_key};
pub(crate) use path::{Path, Token};
pub(crate) use scalar::{Equality, Rule, compare_scalars, fold, is_empty};
pub(crate) use store::{is_store, store_copy};
pub(crate) use tree::Tree;
pub(crate) use walk::{Flow, walk, zip};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schemas;
    use crate::schema::Shape;
    use serde_json::Value;
    use serde_json::json;

    fn shape() -> &'static Shape {
        Schemas::builtin().shape("microsoft-azure-virtualmachines")
    }

    fn offer(version: u32, plans: &Value, logo: &str) -> Value {
        json!({"id": "a", "version": version, "status": "running", "definition": {
            "offer": {"microsoft-azure-marketplace.smallLogo": logo}, "plans": plans}})
    }

    const COPY: &str = "https://publishingstoredm.blob.core.windows.net/testcontent/D6191_publishers_c/1.png?sig=a";
    const SAME_COPY: &str =
        "https://publishingapistore.blob.core.windows.net/prodcontent/D6191_publishers_c/1.png?sig=b";

    #[test]
    fn what_the_portal_owns_and_order_do_not_count() {
        let a = offer(1, &json!([{"planId": "x", "regions": ["DE", "NO"]}, {"planId": "y"}]), COPY);
        let b = offer(2, &json!([{"planId": "y"}, {"regions": ["NO", "DE"], "planId": "x"}]), SAME_COPY);
        assert_eq!(digest(&a, shape()), digest(&b, shape()));
        let c = offer(1, &json!([{"planId": "x", "regions": ["DE"]}, {"planId": "y"}]), COPY);
        assert_ne!(digest(&a, shape()), digest(&c, shape()));
        let d = offer(
            1,
            &json!([{"planId": "x", "regions": ["DE", "NO"]}, {"planId": "y"}]),
            &COPY.replace("1.png", "2.png"),
        );
        assert_ne!(digest(&a, shape()), digest(&d, shape()));
    }

    #[test]
    fn alignment_changes_order_and_nothing_else() {
        let base = offer(1, &json!([{"planId": "x"}, {"planId": "y"}]), COPY);
        let now = offer(1, &json!([{"planId": "z"}, {"planId": "y", "new": 1}, {"planId": "x"}]), COPY);
        let aligned = align(now.clone(), &base, shape());
        assert_eq!(
            aligned["definition"]["plans"],
            json!([{"planId": "x"}, {"planId": "y", "new": 1}, {"planId": "z"}])
        );
        assert_eq!(digest(&aligned, shape()), digest(&now, shape()));
    }

    #[test]
    fn a_put_leaves_out_the_envelope_and_read_only_fields() {
        let shape = Schemas::builtin().shape("microsoft-azure-corevm");
        let live = json!({"id": "a", "version": 5, "changedTime": "x", "unknownTop": 1, "definition": {"offer": {
            "microsoft-azure-corevm.legacyOfferId": "", "microsoft-azure-corevm.unknown": {"deep": [1]}}}});
        assert_eq!(
            writable(&live, shape),
            json!({"id": "a", "unknownTop": 1, "definition": {"offer": {"microsoft-azure-corevm.unknown": {"deep": [1]}}}})
        );
    }
}
