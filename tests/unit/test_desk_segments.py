"""The API of segments: counts, members page by page, and clear answers to what is wrong."""

from __future__ import annotations

from pathlib import Path

from rules.book import Folders
from tests.browser.kit import kit

GOLD = """
id: gold
name: Gold customers
if: {field: profile.traits.tier, op: eq, value: gold}
"""


async def test_counts_and_members(tmp_path: Path) -> None:
    (tmp_path / "gold.yaml").write_text(GOLD)
    (tmp_path / "broken.yaml").write_text("id: broken\nname: x\nif: {field: profile.nonsense, op: eq, value: 1}\n")
    async with kit(segments=tmp_path) as desk:
        desk.store.segments["gold"] = [f"c{number}" for number in range(5)]
        body = (await desk.ask("GET", "/api/v1/segments", "marketer")).json()
        assert [(one["id"], one["customers"]) for one in body["items"]] == [("gold", 5)]
        assert len(body["problems"]) == 1
        assert "broken.yaml" in body["problems"][0]
        assert not body["items"][0]["in_force"]
        desk.store.declarations = Folders(tmp_path / "none", tmp_path).book.to_json()
        assert (await desk.ask("GET", "/api/v1/segments", "marketer")).json()["items"][0]["in_force"]
        found: list[str] = []
        before: str | None = ""
        for _ in range(3):
            page = (await desk.ask("GET", f"/api/v1/segments/gold/members?limit=2&before={before}", "marketer")).json()
            found += [one["id"] for one in page["items"]]
            before = page["next"]
        assert (found, before) == (desk.store.segments["gold"], None)
        assert (await desk.ask("GET", "/api/v1/segments/silver/members", "marketer")).status_code == 404
        wrong = await desk.ask("GET", "/api/v1/segments/gold/members?before=x", "marketer")
        assert (wrong.status_code, wrong.json()["field"]) == (422, "before")
        assert (await desk.ask("GET", "/api/v1/segments", "agent")).status_code == 403
