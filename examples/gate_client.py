"""May this patch be deployed? Everything but a whole, fresh yes to exactly this artefact is a no. Standard library only.

python gate_client.py http://127.0.0.1:8027 PATCH_ID patch.diff        the token is in $HITL_TOKEN; exit code 0 is yes
"""

import hashlib
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from http.client import HTTPException


def may_deploy(url: str, token: str, patch_id: str, diff: bytes, timeout_s: float = 5.0) -> bool:
    """Ask the gate once. Time-outs, errors and answers that cannot be read are no; ask again before `valid_until` is over."""
    digest = f"sha256:{hashlib.sha256(diff).hexdigest()}"
    address = f"{url}/hitl/patches/{urllib.parse.quote(patch_id, safe='')}/gate?digest={digest}"
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - the address is whoever calls's own
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:  # noqa: S310 - the same
            said = json.load(response)
            same = (said["patch_id"], said["patch_digest"]) == (patch_id, digest)
            fresh = datetime.fromisoformat(said["valid_until"]) > datetime.now(UTC)
            return response.status == 200 and said["deployable"] is True and same and fresh
    except (OSError, HTTPException, ValueError, TypeError, KeyError, RecursionError):
        return False


if __name__ == "__main__":
    with open(sys.argv[3], "rb") as file:
        sys.exit(0 if may_deploy(sys.argv[1], os.environ["HITL_TOKEN"], sys.argv[2], file.read()) else 1)
