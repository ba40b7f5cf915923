"""A program of somebody else's: it knows nothing but the client that was made of our description."""

from __future__ import annotations

import json
import sys

from made.api.campaigns import create_campaign
from made.api.leads import foresee_campaign
from made.api.operators import list_operators, operator_login, pause_operator
from made.client import AuthenticatedClient
from made.models import NewCampaign, PauseAsked


def main(base: str, token: str) -> dict[str, object]:
    client = AuthenticatedClient(base_url=base, token=token)
    page = list_operators.sync(client=client)
    login = operator_login.sync("101", client=client)
    paused = pause_operator.sync("101", client=client, body=PauseAsked(reason="lunch"))
    wrong = operator_login.sync("199", client=client)
    new = NewCampaign(name="autumn")
    made = [create_campaign.sync_detailed(client=client, body=new, idempotency_key="once") for _ in range(2)]
    foreseen = foresee_campaign.sync(made[0].parsed.id, client=client)
    return {
        "operators": [one.id for one in page.items],
        "said": [(told.verb, told.target) for told in (login, paused)],
        "wrong": (wrong.status, wrong.id),
        "made": [(one.status_code, one.parsed.id) for one in made],
        "again": made[1].headers["idempotent-replayed"],
        "leads": foreseen.leads,
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
