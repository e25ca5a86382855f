//! An offer as other clients send it, read back with everything that the portal adds, renames, rehosts and drops: there
//! is nothing left to do.

use std::time::Duration;

use offerctl::Switches;
use serde_json::json;

use crate::support::{World, write};

const HILLTOP: &str = include_str!("fixtures/hilltop.yaml");

async fn world(create_answers_200: bool) -> World {
    let switches = Switches { create_answers_200, ..Switches::default() };
    let world = World::with(vec![], &[], switches).await;
    write(&world.path("."), "offers/hilltop.yaml", HILLTOP);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_and_read_back_with_all_defaults_plans_empty() {
    for migrated in [false, true] {
        let world = world(migrated).await;
        world.run(&["apply", "--yes"]).await.exits(0);
        let mut live = world.live("hilltop").await;
        if migrated {
            live["pcMigrationStatus"] = json!("migrated");
            world.portal_put("hilltop", &live).await;
        }
        let plan = live["definition"]["plans"][0].clone();
        assert_eq!(plan["microsoft-azure-virtualmachines.osType"], "Other", "renamed");
        assert_eq!(plan["microsoft-azure-virtualmachines.supportsExtensions"], true, "filled in");
        assert_eq!(plan["virtualMachinePricingV2"], plan["virtualMachinePricing"], "declared once, written twice");
        let offer = &live["definition"]["offer"];
        assert_eq!(offer["microsoft-azure-marketplace.categories"], json!([]), "filled in");
        assert!(offer["microsoft-azure-marketplace.smallLogo"].as_str().expect("a logo").contains("publishing"));
        assert!(live.get("offerTypeVersions").is_none(), "dropped");

        let planned = world.run(&["plan", "--detailed-exitcode"]).await.exits(0);
        assert!(planned.stdout.starts_with("No changes. 1 offer matches the portal."), "{}", planned.stdout);
        world.advance(Duration::from_secs(1)).await;
        world.run(&["apply", "--yes"]).await.exits(0);
        assert_eq!(world.count("PUT", "/offers/hilltop").await, 1, "nothing is written twice");
    }
}
