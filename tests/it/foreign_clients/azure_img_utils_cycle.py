"""Brings a new image version to customers with azure-img-utils, by its public interface alone, and prints what it saw."""

import json
import sys
import time

from azure_img_utils.azure_image import AzureImage

offer, publisher, plan, images_key, image_name = sys.argv[1:]
image = AzureImage(container="images", credentials_file="credentials.json")
deadline = time.monotonic() + 120


def operation_until(uri, done):
    while True:
        operation = image.get_operation(uri)
        if done(operation):
            return operation
        if time.monotonic() > deadline:
            sys.exit("this operation did not get on: %s" % json.dumps(operation))


def is_over(operation):
    return operation["status"] != "running"


seen = {
    "exists": image.offer_exists(offer, publisher),
    "missing exists": image.offer_exists("no-such-offer", publisher),
    "before": image.get_offer_doc(offer, publisher),
}
image.add_image_to_offer(
    blob_name="new.vhd",
    image_name=image_name,
    image_description="A new image",
    offer_id=offer,
    publisher_id=publisher,
    label="New",
    sku=plan,
    blob_url="https://images.blob.core.windows.net/vhds/new.vhd?sv=2018&sp=rl&sig=CANARYsig",
    vm_images_key=images_key,
)
seen["publish"] = image.publish_offer(offer, publisher, "a@contoso.example,b@contoso.example")
seen["word of publish"] = operation_until(seen["publish"], is_over)["status"]
seen["status at sign-off"] = image.get_offer_status(offer, publisher)
seen["go live"] = image.go_live_with_offer(offer, publisher)
seen["final word"] = operation_until(seen["go live"], is_over)["status"]
seen["status"] = image.get_offer_status(offer, publisher)
json.dump(seen, sys.stdout)
