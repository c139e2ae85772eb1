"""`terrace clear` and `terrace verify FILE` as outside programs call them."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.audit.services import record
from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.publication.services import publish_digest
from terrace.market.auctions.rules import ascending
from terrace.market.auctions.tests.test_clearing import EPA_2023, HUNTER_RIVER
from terrace.market.auctions.tests.test_rules_ascending import MINUTE, NINGXIA, OPENS
from terrace.site.cli import main

AWARD_KEYS = {"bid_id", "bidder", "quantity", "price", "amount"}


@pytest.fixture
def hunter_river(tmp_path: Path) -> Path:
    rows = [f"b{n:02},{who},{price},{units}" for n, (who, units, price) in enumerate(HUNTER_RIVER)]
    return written(tmp_path, "bid_id,bidder,price,quantity\n" + "\n".join(rows) + "\n")


def written(tmp_path: Path, content: str | bytes, name: str = "bids.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cleared(capsys, path: Path, *words: str) -> dict[str, Any]:
    assert main(["clear", str(path), *words, "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


@pytest.mark.parametrize(
    ("words", "revenue", "price"),
    [
        ("--method pay-as-bid", "463686.00", None),
        ("--method uniform", "193950.00", "3879.00"),
        ("--price-rule highest-rejected", "154200.00", "3084.00"),
        ("--method vickrey", "97508.00", None),
    ],
)
def test_hunter_river_in_the_printed_shape(
    capsys, hunter_river, words: str, revenue: str, price: str
) -> None:
    answer = cleared(capsys, hunter_river, "--supply", "50", *words.split())
    assert (answer["status"], answer["sold"], answer["supply"]) == ("sold", "50", "50")
    assert (answer["revenue"], answer["price"]) == (revenue, price)
    assert [award["bid_id"] for award in answer["awards"]] == sorted(a["bid_id"] for a in answer["awards"])
    assert all(set(award) == AWARD_KEYS for award in answer["awards"])
    assert {entry["bid_id"] for entry in answer["rejected"]} == {"b03", "b07", "b16", "b17", "b25"}
    assert len(answer["bundle_sha256"]) == 64


def test_epa_2023(capsys, tmp_path) -> None:
    answer = cleared(capsys, written(tmp_path, EPA_2023), "--supply", "125000", "--method", "pay-as-bid")
    assert (answer["status"], answer["sold"], answer["revenue"]) == ("short", "73000", "3010.00")
    cancelled = cleared(capsys, written(tmp_path, EPA_2023), "--supply", "125000", "--if-short", "cancel")
    assert (cancelled["status"], cancelled["awards"]) == ("cancelled", [])


def test_the_order_of_rows_changes_nothing_not_even_the_digest(capsys, tmp_path, hunter_river) -> None:
    first = cleared(capsys, hunter_river, "--supply", "50", "--method", "vickrey")
    head, *rows = hunter_river.read_text().splitlines()
    other = written(tmp_path, "\n".join([head, *sorted(rows, reverse=True)]), "other.csv")
    assert cleared(capsys, other, "--supply", "50", "--method", "vickrey") == first


def test_a_bundle_is_written_run_again_and_found_when_changed(capsys, tmp_path, hunter_river) -> None:
    path = tmp_path / "result.json"
    words = ("--supply", "50", "--tie", "pro-rata", "--seed", "公开抽取")
    answer = cleared(capsys, hunter_river, *words, "--bundle", str(path))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bids.csv", "result.json"]
    assert main(["verify", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["bundle_sha256"]) == (True, answer["bundle_sha256"])
    assert main(["verify", str(path), "--sha256", answer["bundle_sha256"]]) == 0
    assert answer["bundle_sha256"] in capsys.readouterr().out
    assert main(["verify", str(path), "--sha256", "0" * 64, "--lang", "en"]) == 1
    assert "not the published digest" in capsys.readouterr().out
    path.write_text(path.read_text().replace('"10861"', '"10862"'))
    assert main(["verify", str(path)]) == 1
    assert "哈希不同" in capsys.readouterr().out


def test_the_bundle_of_a_live_auction_is_run_again_too(capsys, tmp_path) -> None:
    quotes = [ascending.Quote("A2", 2_100_000, OPENS), ascending.Quote("K7", 2_150_000, OPENS + MINUTE)]
    made = ascending.bundle(NINGXIA, quotes, about={"number": "10"})
    path = written(tmp_path, json.dumps(made, indent=1, ensure_ascii=False), "auction.json")
    assert main(["verify", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bundle_sha256"] == made["bundle_sha256"]
    made["bids"][1]["price_fen"] += 50_000
    assert main(["verify", str(written(tmp_path, json.dumps(made), "auction.json"))]) == 1
    made["bids"][1]["price_fen"] = "much"
    assert main(["verify", str(written(tmp_path, json.dumps(made), "auction.json"))]) == 2


@pytest.mark.django_db
def test_the_database_is_verified(capsys, monkeypatch, settings, tmp_path) -> None:
    settings.TERRACE_DOCUMENT_DIR = tmp_path
    monkeypatch.setenv("DATABASE_URL", "postgresql:///the-one-the-tests-use")
    assert main(["verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "findings": []}
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_journal DISABLE TRIGGER append_only")
    record(actor=SYSTEM, act="test.thing.do", subject_type="thing", subject_id=1, at=clock.now())
    JournalEntry.objects.update(reason="x")
    assert main(["verify", "--lang", "en"]) == 1
    assert "journal" in capsys.readouterr().out


@pytest.mark.django_db
def test_the_database_is_compared_with_digests_kept_elsewhere(
    capsys, client, monkeypatch, settings, tmp_path
) -> None:
    settings.TERRACE_DOCUMENT_DIR = tmp_path
    monkeypatch.setenv("DATABASE_URL", "postgresql:///the-one-the-tests-use")
    made = publish_digest(actor=SYSTEM, now=clock.now())
    kept = tmp_path / "digests.json"
    kept.write_bytes(client.get("/digests.json").content)
    assert main(["verify", "--digests", str(kept), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "findings": []}
    kept.write_text(kept.read_text().replace(made.digest, "0" * 64))
    assert main(["verify", "--digests", str(kept), "--lang", "en"]) == 1
    out = capsys.readouterr().out
    assert "digests" in out and made.day.isoformat() in out
    assert main(["verify", str(kept), "--digests", str(kept)]) == 2, "a file of its own, or the database"
    for content in ("", "[]", '{"items": 1}', '{"items": [{"day": "2023-12-04"}]}'):
        kept.write_text(content)
        assert main(["verify", "--digests", str(kept)]) == 2
        assert "digests.json" in capsys.readouterr().err
    assert main(["verify", "--digests", str(tmp_path / "none.json")]) == 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": NaN}', "[" * 100_000, b"\xff\xfe"])
def test_what_is_no_bundle(capsys, tmp_path, content: str | bytes) -> None:
    assert main(["verify", str(written(tmp_path, content, "x.json"))]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "x.json" in err


def test_options_of_verify(capsys, tmp_path, monkeypatch) -> None:
    assert main(["verify", str(tmp_path / "none.json")]) == 2
    assert main(["verify", "--sha256", "0" * 64]) == 2
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("TERRACE_DATA_DIR", str(tmp_path))
    assert main(["verify"]) == 2
    assert "TERRACE_DATA_DIR" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("bid_id,bidder,price,quantity\n1,a,x,1\n", ["line 2", "price"]),
        ("bid_id,bidder,price,quantity\n1,a,1,1\n1,b,1,1\n", ["line 3", "bid_id"]),
        ("bid_id,bidder,price,quantity\n1,a,1,-1\n", ["line 2", "quantity"]),
        ("bid_id,bidder,price\n", ["line 1", "quantity"]),
        (b"\xff\xff\xff", ["line 1"]),
        (b"bid_id,bidder,price,quantity\n1,a\x00b,1,1\n", ["bids.csv"]),
        ("bid_id,bidder,price,quantity\n1,a,1,1\n2,b,1,1\n", ["bids.csv", "submitted_at"]),
        ("bid_id,bidder,price,quantity\n1,a,21000.555,1\n", ["line 2", "price", "2 decimals"]),
    ],
)
def test_bad_bids_are_one_line_and_exit_2(capsys, tmp_path, content: str | bytes, says: list[str]) -> None:
    path = written(tmp_path, content)
    bundle = tmp_path / "out.json"
    words = ["clear", str(path), "--supply", "1", "--bundle", str(bundle), "--lang", "en"]
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "Traceback" not in err
    assert all(word in err for word in says)
    assert not bundle.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "--supply"),
        ("--supply x", "--supply"),
        ("--supply -5", "--supply"),
        ("--supply 5 --reserve 1.005", "--reserve"),
        ("--supply 5 --years 0", "--years"),
        ("--supply 5 --years 1.5", "--years"),
        ("--supply 5 --method dutch", "--method"),
        ("--supply 5 --bidder-cap 120%", "--bidder-cap"),
        ("--supply 5 --lot 7", "lot"),
        ("--supply 5 --method descending --tie random", "--tie"),
        ("--supply 5 --bundle /no/such/folder/x.json", "cannot be written"),
    ],
)
def test_bad_options(capsys, hunter_river, words: str, says: str) -> None:
    assert main(["clear", str(hunter_river), "--lang", "en", *words.split()]) == 2
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1


def test_a_file_that_is_not_there(capsys, tmp_path) -> None:
    assert main(["clear", str(tmp_path / "none.csv"), "--supply", "5"]) == 2
    assert "none.csv" in capsys.readouterr().err


def test_older_chinese_spreadsheets_are_read(capsys, tmp_path) -> None:
    path = written(tmp_path, "bid_id,bidder,price,quantity\n1,聊城纸业,21000,4.048\n".encode("gb18030"))
    answer = cleared(capsys, path, "--supply", "4.048", "--method", "pay-as-bid")
    assert answer["awards"][0]["bidder"] == "聊城纸业"
    assert answer["revenue"] == "85008.00"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_readable_answer(capsys, tmp_path, language: str) -> None:
    rows = "".join(f"{n:03},f{n},{n + 1},1\n" for n in range(80))
    path = written(tmp_path, "bid_id,bidder,price,quantity\n" + rows)
    assert main(["clear", str(path), "--supply", "60", "--bidder-cap", "50%", "--lang", language]) == 0
    out = capsys.readouterr().out
    assert "uniform" in out and "21.00" in out and "bundle_sha256" in out and "--json" in out
