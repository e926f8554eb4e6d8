"""What docs/runbook.md says of a server that is away is tested, each line of it."""

import re

import pytest

from tests.house.source import ROOT

TESTS = {
    "Postgres away, slow or hanging": (
        "test_backlog_is_caught_up_beside_trading",
        "test_slow_postgres_is_only_late",
        "test_postgres_that_stops_answering_is_left_and_tried_again",
        "test_lost_answer_neither_doubles_nor_loses_a_row",
    ),
    "Postgres refuses a row": (
        "test_refused_row_is_put_aside_and_the_others_of_its_batch_are_written",
    ),
    "Postgres contradicts the journal, or lacks a table or right": (
        "test_refused_batch_leaves_nothing_of_itself",
        "test_missing_table_is_no_reason_to_wait",
        "test_cursor_of_another_journal_is_refused_naming_both_hashes",
    ),
    "Redis away": (
        "test_redis_away_is_waited_for",
        "test_redis_away_for_ten_minutes_is_waited_for",
    ),
    "Redis away at the start": ("test_missing_redis_is_69",),
    "Redis slow": (
        "test_slow_redis_is_only_slow",
        "test_answer_that_comes_too_late_is_a_lost_one",
    ),
    "Redis' answer lost": (
        "test_lost_reply_neither_doubles_nor_loses_a_frame",
        "test_any_reply_may_be_lost",
        "test_every_reply_is_lost_once",
    ),
    "Redis refuses for now (`OOM` `LOADING` `BUSY` `MISCONF`)": (
        "test_server_that_refuses_for_now_is_waited_for",
        "test_full_redis_is_only_a_pause",
        "test_redis_busy_with_a_script_is_only_a_pause",
    ),
    "Redis fills up": (
        "test_redis_that_fills_up_is_heard_of_spared_and_gone_on_with",
        "test_daemon_heeds_the_memory_of_its_redis",
    ),
    "Redis set up wrongly": ("test_wrong_setting_of_redis_is_refused_with_78",),
    "Redis lost its tail": ("test_server_that_comes_back_with_an_older_file_is_healed",),
    "Redis empty, or the journal deleted": (
        "test_redis_that_comes_back_empty_ends_it_with_65",
        "test_journal_deleted_under_it_ends_it_with_65",
        "test_journal_deleted_under_a_follower_is_told",
        "test_journal_lost_under_verify_is_told",
    ),
    "Journal trimmed under a reader": (
        "test_trimmed_frames_are_missed_unless_they_were_written",
        "test_journal_trimmed_under_a_follower_is_told",
        "test_journal_lost_under_verify_is_told",
    ),
}
"""By the first column of the table, the tests that show what the others say."""


def test_every_line_of_the_table_names_its_tests() -> None:
    """What an operator is promised for a bad hour is what somebody has tried."""
    page = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    section = page.partition("## When a server is away\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)
    assert lines[0] == "what"
    assert lines[1:] == list(TESTS), "bring the table and TESTS together"


@pytest.mark.parametrize("test", sorted({test for tests in TESTS.values() for test in tests}))
def test_named_test_is_there(test: str) -> None:
    """A test that was renamed or taken out leaves its line without proof."""
    assert any(f"def {test}(" in file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
