# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Every trap of the platform's fact sheet: the test in which it bites, and that of what is made of it here.

``test_traps.py`` proves that the table is whole and that each test exists, and holds the proofs that no other
file has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

CONTROL_PLANE = "tests/integration/lab/test_control_plane.py::test_"
RELEASES = "tests/integration/lab/test_standin_releases.py::test_"
KAFKA = "tests/integration/lab/test_standin_kafka.py::test_"
RABBITMQ = "tests/integration/lab/test_standin_rabbitmq.py::test_"
NATS = "tests/integration/lab/test_standin_nats.py::test_"
OLDER = "tests/integration/lab/test_standin_older.py::test_"
BROKERS_KAFKA = "tests/integration/lab/test_brokers_kafka.py::test_"
BROKERS_NATS = "tests/integration/lab/test_brokers_nats.py::test_"
OVER_BROKERS = "tests/integration/lab/test_standin_brokers.py::test_"

HERE = "tests/integration/collection/test_traps.py::test_"
LIFE = "tests/integration/collection/test_life_cycle.py::test_"
DECLARED = "tests/integration/collection/test_declared_only.py::test_"
DELETE = "tests/integration/collection/test_delete.py::test_"
WAIT = "tests/integration/collection/test_wait.py::test_"
ERRORS = "tests/integration/collection/test_errors.py::test_"
TOGETHER = "tests/integration/collection/test_concurrency.py::test_"
INFO = "tests/integration/collection/test_clusters_info.py::test_"
ADOPTION = "tests/integration/collection/test_clusters_info_adoption.py::test_"
TENANTS = "tests/integration/collection/test_clusters_info_tenants.py::test_"
FACTS = "tests/unit/plugins/module_utils/_platforms/cozystack/test_facts.py::test_"
ON_KAFKA = "tests/integration/collection/test_kafka_fields.py::test_"
ON_RABBITMQ = "tests/integration/collection/test_rabbitmq_fields.py::test_"
NATS_ROTATION = "tests/integration/collection/test_rotation_nats.py::test_"
ROTATION = "tests/integration/collection/test_rotation_rabbitmq.py::test_"
SCALE = "tests/integration/collection/test_scale.py::test_"
NAIVE_SCALE = "tests/integration/collection/test_scale_naive.py::test_"
ROLE_SCALE = "tests/integration/collection/test_role_scale.py::test_"
ON_NATS = "tests/integration/collection/test_nats_fields.py::test_"
ACCOUNTS = "tests/integration/collection/test_nats_accounts.py::test_"
SERVER = "tests/integration/collection/test_nats_server.py::test_"
QUOTA = "tests/integration/collection/test_quota.py::test_"
RIGHTS = "tests/integration/collection/test_rights.py::test_"
OLD = "tests/integration/collection/test_platform_schema.py::test_"
UTILS = "tests/unit/plugins/module_utils/"
UNIT = f"{UTILS}_platforms/"


def impossible(case: str) -> str:
    """The case of test_refusals.py that no consent helps."""
    name = "test_what_the_platform_cannot_do_is_refused_with_its_reason_and_way_out"
    return f"tests/integration/collection/test_refusals.py::{name}[{case}]"


def consent(case: str) -> str:
    """The case of test_refusals.py that a consent allows."""
    name = "test_what_destroys_or_disrupts_needs_a_consent_that_names_it"
    return f"tests/integration/collection/test_refusals.py::{name}[{case}]"


def bad_input(case: str) -> str:
    """The case of test_bad_input.py."""
    return f"tests/integration/collection/test_bad_input.py::test_is_refused_with_its_own_message[{case}]"


def whole(case: str) -> str:
    """The case of test_bad_input.py that is judged as a whole."""
    name = "test_a_new_cluster_that_cannot_work_is_refused_with_what_would_do"
    return f"tests/integration/collection/test_bad_input.py::{name}[{case}]"


def new(case: str) -> str:
    """A case of test_traps.py: a new cluster that is refused."""
    return f"{HERE}answer_a_new_cluster_is_refused_with_its_reason[{case}]"


def kafka_field(test: str, case: str) -> str:
    """A case of test_kafka_fields.py."""
    return f"tests/integration/collection/test_kafka_fields.py::test_{test}[{case}]"


def live(case: str) -> str:
    """A case of test_traps.py: a change of a NATS cluster with users."""
    return f"{HERE}answer_what_cuts_clients_off_or_opens_a_server_needs_a_consent[{case}]"


def unheard(case: str) -> str:
    """A case of test_traps.py: options that are refused before anything is asked."""
    return f"{HERE}answer_what_no_template_survives_is_refused_before_anything_is_asked[{case}]"


@dataclass(frozen=True)
class Row:
    """A trap: the rows of the fact sheet that tell of it, the tests in which it bites another client, and
    those of the collection's answer. ``reason`` stands where one of both cannot be proven here.
    """

    name: str
    facts: tuple[str, ...]
    bites: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    reason: str = ""

    @property
    def proofs(self) -> Iterator[str]:
        """The ids of all tests."""
        yield from self.bites
        yield from self.answered


SHEET: dict[str, tuple[str, ...]] = {
    "rule": tuple(str(number) for number in range(1, 22)),
    "§1.1": ("lengths", "prefix", "name clash", "inner release", "kinds", "suspend"),
    "§1.2": ("get", "list", "watch", "create", "update", "merge", "json", "strategic", "apply", "delete"),
    "§1.3": ("name", "underscore", "exists", "conflict", "wrong type", "403", "503", "quota"),
    "§1.4": ("defaults", "null", "spelling", "last writer", "finalizer", "terminating", "running action"),
    "§1.5": ("ready", "first install", "workloads", "message"),
    "§2.0": ("presets", "resources", "nested", "empty map", "kebab", "typos"),
    "§2.1": (
        "open", "config required", "min insync", "zookeeper class", "topic removed", "topic renamed",
        "partitions", "topic replicas", "config key", "more brokers", "fewer brokers", "zookeeper replicas",
        "larger", "smaller or class", "external", "plaintext", "delete hangs",
    ),
    "§2.2": (
        "memory", "rotation", "yaml", "default vhost", "both roles", "undeclared user", "user removed",
        "vhost removed", "fewer nodes", "larger", "smaller", "class", "external", "version up",
        "version down", "app deleted",
    ),
    "§2.3": (
        "no login", "users without jetstream", "users and accounts", "user removed", "users emptied",
        "rotation", "raw yaml", "units", "jetstream false", "fixed claims", "fewer servers", "one server",
        "external", "tls", "app deleted",
    ),
    "§4": ("levels", "tenants", "secrets"),
    "§5": ("threshold", "nats-box", "same values", "wait"),
    "§9": ("presets", "fields", "config", "workloads ready", "ready is applied", "conflicts"),
    "§10": (
        "dry run", "no-op", "create twice", "defaults", "users and jetstream", "one server", "two accounts",
        "unquoted", "collision", "schema text", "null", "unknown key", "json patch", "20 writers",
    ),
    "§11": (
        "early", "hidden password", "late garbage", "permission kept", "fewer nodes", "smaller", "grows",
        "cannot grow", "vhost", "oom", "bad image", "leftovers",
    ),
}  # fmt: skip
"""The rows of the fact sheet that bite, by its sections; rows that only describe are left out."""

TABLE: tuple[Row, ...] = (
    # --- the API server -------------------------------------------------------------------------------------
    Row(
        "a dry run is persisted",
        ("rule 1", "§10 dry run", "§1.2 create", "§1.2 delete"),
        (
            f"{CONTROL_PLANE}dry_run_of_an_update_is_persisted",
            f"{HERE}bites_a_dry_run_of_create_and_delete_is_carried_out",
        ),
        (
            f"{LIFE}check_mode_with_changes_writes_nothing",
            f"{HERE}answer_modules_send_only_what_this_api_does_right",
        ),
    ),
    Row(
        "a write that changes nothing strips the finalizer, and a delete then orphans the pods",
        ("rule 2", "§10 no-op", "§1.4 finalizer"),
        (
            f"{CONTROL_PLANE}an_update_that_changes_nothing_strips_the_releases_finalizer",
            f"{RELEASES}trap_finalizer_late",
            f"{RELEASES}trap_delete_orphans",
            f"{RELEASES}trap_recreate_adopts",
        ),
        (
            f"{LIFE}a_second_run_changes_nothing_with_one_read_and_no_write",
            f"{DELETE}after_a_write_that_changed_nothing_no_pod_is_orphaned",
            f"{DELETE}workloads_that_stay_behind_are_an_error_with_the_way_out",
            f"{LIFE}the_finalizer_is_there_when_a_change_has_been_waited_for",
        ),
    ),
    Row(
        "a write to a cluster that leaves ends it without uninstall",
        ("rule 3", "§1.4 terminating"),
        (f"{HERE}bites_a_write_to_a_leaving_cluster_ends_it_without_uninstall",),
        (f"{DELETE}a_cluster_that_somebody_is_deleting_gets_no_write",),
    ),
    Row(
        "spec is not validated",
        ("rule 4", "§1.3 wrong type", "§2.0 typos", "§10 schema text", "§10 unknown key"),
        (f"{RELEASES}trap_schema_fails_late", f"{RELEASES}trap_unknown_key_ignored"),
        (
            bad_input("a size that is no quantity"),
            unheard("unknown key"),
            f"{WAIT}a_value_that_never_fits_the_schema_fails_at_once",
            f"{WAIT}a_wrong_value_of_another_client_is_healed_by_declaring_the_right_one",
        ),
    ),
    Row(
        "a create of what is there is 500",
        ("rule 5", "§1.3 exists", "§10 create twice"),
        (f"{CONTROL_PLANE}creating_an_existing_name_is_500_not_409",),
        (f"{TOGETHER}two_plays_that_declare_the_same_new_cluster_end_with_one",),
    ),
    Row(
        "there is no optimistic locking: writes are lost without a word",
        ("rule 6", "§1.4 last writer", "§10 20 writers", "§1.3 conflict"),
        (
            f"{HERE}bites_an_old_resource_version_overwrites",
            f"{TOGETHER}without_reading_back_this_api_server_loses_writes",
        ),
        (
            f"{TOGETHER}twenty_writers_at_once_lose_none_without_saying_so",
            f"{TOGETHER}plays_that_add_topics_to_one_cluster_lose_none",
            f"{ERRORS}a_conflict_is_read_and_planned_again",
        ),
    ),
    Row(
        "Ready right after a write is the earlier revision's",
        ("rule 7", "§1.5 ready", "§1.5 message", "§5 wait"),
        (f"{RELEASES}trap_stale_ready",),
        (f"{WAIT}a_ready_of_yesterday_is_not_taken_for_todays",),
    ),
    Row(
        "reads are late",
        ("rule 8",),
        answered=(f"{HERE}answer_a_cluster_that_is_shown_late_is_waited_for",),
        reason="the cache of one server is only milliseconds late; the answer is proven on a fault",
    ),
    Row(
        "reads show defaults that are not stored, and the first patch freezes them",
        ("rule 9", "§1.4 defaults", "§10 defaults"),
        (
            f"{CONTROL_PLANE}reading_shows_defaults_and_storage_keeps_what_was_sent",
            f"{RELEASES}the_first_patch_freezes_the_defaults_and_so_makes_a_revision",
        ),
        (
            f"{LIFE}only_what_is_declared_is_stored_by_a_create",
            f"{DECLARED}what_a_write_does_beside_is_an_entry_of_the_plan",
        ),
    ),
    Row(
        "a merge patch replaces lists whole, and {} removes nothing",
        ("rule 10", "§1.2 merge", "§2.0 empty map"),
        (
            f"{HERE}bites_a_merge_patch_replaces_lists_and_an_empty_map_removes_nothing",
            f"{HERE}bites_a_value_comes_back_as_it_was_sent",
        ),
        (
            f"{DECLARED}keys_of_a_topic_are_merged_and_a_null_removes_one",
            f"{DECLARED}a_removed_topic_is_the_named_one_alone",
        ),
    ),
    Row(
        "a failed test of a JSON Patch is 422",
        ("§1.2 json", "§10 json patch"),
        (f"{CONTROL_PLANE}a_failed_json_patch_test_is_422_and_changes_nothing",),
        (
            f"{UNIT}cozystack/test_spec.py::test_a_list_that_moved_since_it_was_read_fails_the_patch_instead_of_misfiring",
        ),
    ),
    Row(
        "one pod is enough for WorkloadsReady, and Ready says nothing of pods",
        ("rule 11", "§5 threshold", "§1.5 workloads"),
        (f"{RELEASES}trap_threshold_one_pod",),
        (
            f"{WAIT}a_timeout_names_the_workloads_and_shows_the_event",
            f"{WAIT}a_timeout_names_the_pods_that_do_not_get_ready",
        ),
    ),
    Row(
        "a failed release is tried again for ever",
        ("rule 12",),
        (f"{RELEASES}trap_retry_for_ever",),
        (
            f"{WAIT}a_failure_that_heals_is_waited_for",
            f"{WAIT}a_release_that_failed_before_and_is_not_healed_fails_at_once",
        ),
    ),
    Row(
        "objects of failed revisions stay",
        ("§1.3 wrong type",),
        (f"{RELEASES}trap_failed_upgrade_leftovers",),
        reason="no tenant sees them; what would fail a release half-way is refused, see other rows",
    ),
    Row(
        "names are accepted that can never work",
        ("§1.1 lengths", "§1.3 name"),
        (
            f"{HERE}bites_names_are_accepted_that_can_never_work",
            f"{RABBITMQ}trap_rabbitmq_long_name",
            f"{HERE}bites_what_is_not_an_object_of_this_api_is_refused_in_many_ways",
        ),
        (
            bad_input("a name in capitals"),
            bad_input("a Kafka name of 41 characters"),
            bad_input("a RabbitMQ name of 37 characters"),
            bad_input("a NATS name of 42 characters"),
            f"{HERE}answer_the_longest_names_that_are_taken_work",
        ),
    ),
    Row(
        "the inner release of NATS takes a name",
        ("§1.1 inner release",),
        (f"{NATS}trap_nats_system_name",),
        (bad_input("a NATS name of the inner release"),),
    ),
    Row(
        "another group serves kafkas too, and an object may call itself by another kind",
        ("§1.1 name clash", "§1.1 kinds"),
        (f"{HERE}bites_an_object_may_call_itself_by_another_kind",),
        (
            f"{LIFE}create_is_one_write_and_ends_when_the_cluster_is_in_force[nats]",
            "tests/unit/plugins/modules/test_whole_runs.py::test_an_unchanged_cluster_costs_one_read",
        ),
    ),
    Row(
        "labels of users are stored under a prefix, their keys are shorter",
        ("§1.1 prefix",),
        answered=(f"{DECLARED}fields_and_labels_of_others_stay_as_they_are",),
        reason="the collection writes no labels, so it cannot meet this; those of others stay",
    ),
    Row(
        "an update takes back what an operator has suspended",
        ("§1.1 suspend",),
        (f"{HERE}bites_an_update_takes_back_what_an_operator_suspended",),
        reason="no tenant sees that a release is suspended; a run that changes nothing writes nothing",
    ),
    Row(
        "a LIST is always whole, and selects by the name alone",
        ("§1.2 list", "§1.2 get"),
        (f"{HERE}bites_lists_ignore_a_limit_and_know_no_other_field",),
        (f"{INFO}one_read_for_each_kind_however_many_clusters_there_are",),
    ),
    Row(
        "a watch misses what ends between LIST and WATCH",
        ("§1.2 watch",),
        answered=(
            f"{ERRORS}a_watch_that_breaks_off_does_not_end_the_wait",
            f"{UTILS}_convergence/test_waiting.py::test_without_a_ring_there_is_a_look_every_five_seconds",
        ),
        reason="the moment cannot be hit on purpose; a wait never believes the watch, it looks",
    ),
    Row(
        "PUT, strategic patch and apply do not work as elsewhere",
        ("§1.2 update", "§1.2 strategic", "§1.2 apply", "§1.3 underscore"),
        (
            f"{HERE}bites_a_strategic_patch_is_a_plain_500",
            f"{HERE}bites_server_side_apply_conflicts_with_what_it_wrote_and_never_prunes",
            f"{HERE}bites_what_is_not_an_object_of_this_api_is_refused_in_many_ways",
        ),
        (f"{HERE}answer_modules_send_only_what_this_api_does_right",),
    ),
    Row(
        "a delete has no preconditions, answers at once, and the record goes first",
        ("§1.2 delete",),
        (
            f"{HERE}bites_a_delete_has_no_preconditions_and_a_second_one_succeeds",
            f"{RELEASES}trap_record_goes_first",
        ),
        (
            f"{LIFE}delete_without_consent_is_refused_before_any_write",
            f"{LIFE}delete_with_consent_leaves_neither_record_nor_workloads",
            f"{LIFE}deleting_what_is_gone_changes_nothing",
        ),
    ),
    Row(
        "rights are missing half-way",
        ("§1.3 403", "§4 levels"),
        (
            f"{CONTROL_PLANE}level_has_the_platforms_rights_and_no_more",
            f"{RIGHTS}the_platform_itself_would_have_let_the_patch_through",
        ),
        (
            f"{ERRORS}a_stranger_is_told_why_in_one_line[view]",
            f"{ERRORS}a_reader_can_run_what_changes_nothing",
            f"{RIGHTS}a_delete_that_would_end_after_its_patch_is_refused_before_it",
            f"{RIGHTS}a_wait_that_nobody_could_see_the_end_of_is_refused_before_the_write",
        ),
    ),
    Row(
        "the API's own pods restart",
        ("§1.3 503",),
        (f"{CONTROL_PLANE}status_fault_hits_the_next_matching_requests_and_reaches_no_server",),
        (
            f"{ERRORS}reads_are_tried_again",
            f"{ERRORS}a_write_that_was_not_taken_is_sent_again[503]",
            f"{ERRORS}a_create_whose_answer_is_lost_is_not_repeated",
        ),
    ),
    Row(
        "a quota refuses pods, not the application",
        ("§1.3 quota",),
        (
            f"{RELEASES}trap_quota_refuses_pods",
            f"{QUOTA}the_platform_itself_would_have_taken_it_and_refused_the_pods",
        ),
        (
            f"{WAIT}a_timeout_names_the_workloads_and_shows_the_event",
            f"{QUOTA}what_the_quota_has_no_room_for_is_refused_with_the_amount",
        ),
    ),
    Row(
        "a stored null breaks the chart's template",
        ("§1.4 null", "§10 null"),
        (f"{RELEASES}trap_null_breaks_template",),
        (
            f"{UNIT}cozystack/test_spec.py::test_an_unset_key_of_a_new_topic_is_not_sent",
            f"{UNIT}cozystack/test_spec.py::test_a_stored_null_reads_as_the_default_as_the_platform_shows_it",
        ),
    ),
    Row(
        "values come back as they were spelled",
        ("§1.4 spelling", "§2.0 presets"),
        (f"{HERE}bites_a_value_comes_back_as_it_was_sent",),
        (
            f"{DECLARED}another_spelling_of_the_same_is_no_change",
            f"{ADOPTION}pasted_options_adopt_it_and_change_nothing[kafka-spelled]",
            f"{ADOPTION}pasted_options_adopt_it_and_change_nothing[rabbitmq-legacy]",
        ),
    ),
    Row(
        "what comes while Helm is at work waits for it",
        ("§1.4 running action",),
        (f"{RELEASES}trap_action_not_interrupted",),
        (
            f"{UNIT}cozystack/test_adapter.py::test_a_change_made_while_helm_is_at_work_has_to_settle",
            f"{WAIT}a_timeout_names_the_release_where_the_platform_does_nothing",
        ),
    ),
    Row(
        "a first install is Ready before its pods are",
        ("§1.5 first install", "§11 early"),
        (f"{RABBITMQ}trap_rabbitmq_ready_early",),
        (f"{HERE}answer_a_create_waits_for_the_nodes_and_not_for_ready",),
    ),
    Row(
        "other values alone make a revision",
        ("§5 same values",),
        (f"{RELEASES}trap_same_values_no_revision",),
        (f"{LIFE}a_second_run_changes_nothing_with_one_read_and_no_write",),
    ),
    # --- what all kinds share -------------------------------------------------------------------------------
    Row(
        "resources override the preset key by key, and fail when nested",
        ("§2.0 resources", "§2.0 nested"),
        (
            f"{RELEASES}trap_nested_resources_fail",
            f"{ON_KAFKA}bitten_by_resources_in_the_form_of_kubernetes",
        ),
        (
            unheard("nested resources"),
            f"{ON_RABBITMQ}resources_override_the_preset_key_by_key",
        ),
    ),
    Row(
        "names that become one object name fail the release",
        ("§2.0 kebab", "§10 collision"),
        (f"{RELEASES}trap_kebab_collision",),
        (
            bad_input("topics of one object name"),
            bad_input("users of one object name"),
            impossible("topic of the object name of another one"),
        ),
    ),
    Row(
        "a tenant sees its own alone",
        ("§4 tenants", "§4 secrets"),
        (
            f"{CONTROL_PLANE}a_tenant_cannot_see_another_one",
            f"{CONTROL_PLANE}tenantsecrets_show_the_account_token_and_hide_the_platforms_own",
            f"{CONTROL_PLANE}a_tenant_finds_its_own_namespace_and_no_other",
        ),
        (
            f"{TENANTS}all_tenants_of_the_caller_are_read_and_no_other",
            f"{INFO}no_secret_is_among_the_options",
        ),
    ),
    # --- Kafka ----------------------------------------------------------------------------------------------
    Row(
        "Kafka has no login, and needs an address for each broker and one more",
        ("rule 18", "§2.1 open", "§2.1 external"),
        (f"{KAFKA}an_external_kafka_gets_one_address_per_broker_and_one_more",),
        (
            kafka_field("what_exposes_or_destroys_needs_a_consent_for_each_defect", "access from outside"),
            f"{QUOTA}what_the_quota_has_no_room_for_is_refused_with_the_amount[addresses]",
        ),
    ),
    Row(
        "external without TLS is plain text outside",
        ("§2.1 plaintext",),
        (f"{KAFKA}an_external_kafka_gets_one_address_per_broker_and_one_more",),
        (
            kafka_field(
                "what_exposes_or_destroys_needs_a_consent_for_each_defect",
                "access from outside in plain text",
            ),
        ),
    ),
    Row(
        "topics[].config is required",
        ("§2.1 config required", "§9 config"),
        (f"{RELEASES}trap_schema_fails_late",),
        (f"{HERE}answer_a_topic_that_says_nothing_gets_the_config_that_the_chart_requires",),
    ),
    Row(
        "a third broker raises the minimum in sync, and old topics keep one replica",
        ("§2.1 min insync", "§2.1 more brokers"),
        (f"{BROKERS_KAFKA}scaling_from_one_broker_raises_the_minimum_but_old_topics_keep_one_replica",),
        (
            kafka_field(
                "where_durability_is_required_what_cannot_keep_messages_is_refused", "a topic on one broker"
            ),
            f"{ON_KAFKA}a_weak_cluster_is_made_with_a_warning_for_each_weakness",
        ),
    ),
    Row(
        "ZooKeeper's own class does nothing",
        ("§2.1 zookeeper class",),
        (
            f"{KAFKA}trap_kafka_zookeeper_class_unused",
            f"{ON_KAFKA}bitten_by_a_storage_class_of_zookeepers_own",
        ),
        (kafka_field("what_cannot_work_is_refused_with_what_would", "a storage class of ZooKeeper's own"),),
    ),
    Row(
        "taking a topic out of the list deletes it with its messages",
        ("rule 19", "§2.1 topic removed"),
        (f"{KAFKA}trap_kafka_topic_removal",),
        (consent("topic delete"), f"{DECLARED}a_removed_topic_is_the_named_one_alone"),
    ),
    Row(
        "a topic cannot be renamed",
        ("§2.1 topic renamed",),
        (f"{KAFKA}trap_kafka_topic_rename",),
        (impossible("topic of the object name of another one"),),
    ),
    Row(
        "partitions never become fewer",
        ("§2.1 partitions",),
        (f"{KAFKA}trap_kafka_partitions_down",),
        (impossible("topic partitions down"), consent("topic partitions up")),
    ),
    Row(
        "replicas of a topic stay",
        ("§2.1 topic replicas",),
        (
            f"{KAFKA}trap_kafka_topic_replicas",
            f"{KAFKA}a_topic_with_more_replicas_than_brokers_is_never_ready",
        ),
        (
            impossible("topic replicas changed"),
            impossible("topic with more replicas than there are brokers"),
            whole("more topic replicas than brokers"),
        ),
    ),
    Row(
        "an unknown configuration key is never ready",
        ("§2.1 config key",),
        (f"{KAFKA}trap_kafka_topic_config", f"{ON_KAFKA}bitten_by_a_slip"),
        (
            bad_input("a configuration key without dots"),
            f"{ON_KAFKA}a_slip_is_answered_with_the_right_key_before_any_request",
        ),
    ),
    Row(
        "fewer brokers are reverted without a word",
        ("rule 17", "§2.1 fewer brokers"),
        (
            f"{KAFKA}trap_kafka_scale_down_reverted",
            f"{NAIVE_SCALE}fewer_brokers_are_accepted_and_kept_without_a_word_until_they_are_empty",
        ),
        (impossible("Kafka brokers down"), f"{SCALE}kafka_from_one_broker_to_three_and_back_to_two"),
    ),
    Row(
        "an even ensemble survives no more than the odd one below it",
        ("§2.1 zookeeper replicas",),
        (f"{KAFKA}zookeeper_is_scaled_both_ways",),
        (
            kafka_field(
                "where_durability_is_required_what_cannot_keep_messages_is_refused", "an even ensemble"
            ),
        ),
    ),
    Row(
        "smaller volumes and other classes are ignored, with every other change of storage",
        ("rule 17", "§2.1 smaller or class", "§2.1 larger"),
        (f"{KAFKA}trap_kafka_storage_ignored", f"{KAFKA}volumes_grow_where_the_class_allows_it"),
        (
            impossible("Kafka volume shrink"),
            impossible("ZooKeeper volume shrink"),
            impossible("Kafka storage class"),
        ),
    ),
    Row(
        "topics hang when their operator goes first",
        ("§2.1 delete hangs",),
        (f"{KAFKA}trap_kafka_delete_hangs",),
        (f"{HERE}answer_a_delete_empties_the_topics_that_would_hang",),
    ),
    # --- RabbitMQ -------------------------------------------------------------------------------------------
    Row(
        "the default size is OOM-killed",
        ("rule 21", "§2.2 memory", "§11 oom"),
        (f"{RABBITMQ}trap_rabbitmq_oom",),
        (
            impossible("RabbitMQ memory"),
            whole("RabbitMQ 4 with 128Mi"),
            f"{WAIT}an_out_of_memory_loop_fails_at_once_and_says_what_to_declare",
        ),
    ),
    Row(
        "a changed password reaches the Secret and not the broker",
        ("rule 13", "§2.2 rotation", "§11 hidden password"),
        (f"{RABBITMQ}trap_rabbitmq_password_kept", f"{OVER_BROKERS}rabbitmq_users_over_real_brokers"),
        (
            impossible("RabbitMQ password"),
            f"{ROTATION}the_naive_way_leaves_the_old_secret_working_and_a_rotation_does_not",
        ),
    ),
    Row(
        "a user that is removed and added again may keep the old password for good",
        ("§11 late garbage",),
        (f"{RABBITMQ}trap_rabbitmq_late_garbage",),
        (f"{ROTATION}a_name_that_came_back_with_its_old_secret_is_removed_and_added_once_more",),
    ),
    Row(
        "a Permission that stays while its user or vhost comes back gives no rights",
        ("§11 permission kept",),
        (f"{RABBITMQ}trap_rabbitmq_permission_kept",),
        (
            impossible("role for a user that is not there"),
            consent("RabbitMQ user delete"),
            f"{ROTATION}a_rotation_under_a_client_that_moves_then_one_that_is_given_up",
        ),
    ),
    Row(
        "passwords and names stand unquoted in YAML",
        ("§2.2 yaml", "§10 unquoted"),
        (
            f"{RABBITMQ}trap_rabbitmq_yaml_password",
            f"{RABBITMQ}a_password_with_a_comment_in_it_is_silently_cut",
        ),
        (
            bad_input("a password that YAML reads as a number"),
            bad_input("a user that YAML reads as a boolean"),
        ),
    ),
    Row(
        "the virtual host / cannot be had",
        ("§2.2 default vhost",),
        (f"{RELEASES}trap_kebab_collision",),
        (unheard("vhost /"),),
    ),
    Row(
        "a user in both roles makes two objects of one name",
        ("§2.2 both roles",),
        (f"{RELEASES}trap_kebab_collision",),
        (whole("a user in both roles"),),
    ),
    Row(
        "a role of an undeclared user is never ready",
        ("§2.2 undeclared user",),
        (f"{RABBITMQ}trap_rabbitmq_undeclared_user",),
        (whole("a role for an undeclared user"), impossible("role for a user that is not there")),
    ),
    Row(
        "what is removed is gone from the broker with what it held",
        (
            "rule 19",
            "§2.2 user removed",
            "§2.2 vhost removed",
            "§11 vhost",
            "§2.2 app deleted",
            "§11 leftovers",
        ),
        (f"{RABBITMQ}a_removed_vhost_is_gone_from_the_broker",),
        (
            consent("RabbitMQ user delete"),
            consent("RabbitMQ vhost delete"),
            consent("RabbitMQ role taken away"),
            f"{LIFE}delete_without_consent_is_refused_before_any_write[rabbitmq]",
        ),
    ),
    Row(
        "fewer nodes and smaller volumes block everything",
        ("rule 17", "§2.2 fewer nodes", "§2.2 smaller", "§11 fewer nodes", "§11 smaller"),
        (f"{RABBITMQ}trap_rabbitmq_scale_down", f"{RABBITMQ}trap_rabbitmq_shrink"),
        (impossible("RabbitMQ nodes down"), impossible("RabbitMQ volume shrink")),
    ),
    Row(
        "fewer nodes are refused without a word before a cluster has come up",
        ("§2.2 fewer nodes",),
        (f"{RABBITMQ}trap_rabbitmq_refused_unseen",),
        (impossible("RabbitMQ nodes down"), f"{FACTS}ready_alone_is_not_done_the_monitor_decides"),
    ),
    Row(
        "growing a volume that cannot grow deletes the StatefulSet",
        ("rule 20", "§2.2 larger", "§11 cannot grow", "§11 grows"),
        (
            f"{RABBITMQ}trap_rabbitmq_growth",
            f"{RABBITMQ}volumes_grow_where_the_class_allows_it_without_a_restart",
        ),
        (
            consent("RabbitMQ volume growth that nobody can prove"),
            f"{UNIT}cozystack/test_adapter.py::test_whether_a_volume_grows_is_read_from_its_class",
        ),
    ),
    Row(
        "another class changes nothing and turns Ready",
        ("§2.2 class",),
        (f"{RABBITMQ}trap_rabbitmq_class_ignored",),
        (impossible("RabbitMQ storage class"),),
    ),
    Row(
        "external is plain text, management included",
        ("§2.2 external",),
        (f"{RABBITMQ}an_external_rabbitmq_gets_one_address",),
        (f"{ON_RABBITMQ}access_from_outside_is_plain_text_and_needs_that_consent",),
    ),
    Row(
        "versions only go up, and a node that refuses crash-loops while the release is Ready",
        ("§2.2 version up", "§2.2 version down", "§11 bad image"),
        (f"{RABBITMQ}trap_rabbitmq_version_down",),
        (
            impossible("RabbitMQ downgrade"),
            consent("RabbitMQ upgrade"),
            f"{FACTS}a_change_that_replaces_pods_waits_until_the_last_old_one_is_gone",
        ),
    ),
    # --- NATS -----------------------------------------------------------------------------------------------
    Row(
        "without users everybody gets in",
        ("§2.3 no login", "§2.3 external"),
        (f"{NATS}without_users_there_is_no_secret_and_no_login",),
        (new("external nats"),),
    ),
    Row(
        "users have no JetStream",
        ("rule 15", "§2.3 users without jetstream", "§10 users and jetstream"),
        (
            f"{NATS}trap_nats_users_no_jetstream",
            f"{BROKERS_NATS}users_are_asked_for_their_password_and_have_no_jetstream",
            f"{ACCOUNTS}users_with_jetstream_bite_and_accounts_lead_out",
        ),
        (
            whole("users beside JetStream"),
            impossible("NATS users with JetStream"),
            f"{ACCOUNTS}users_with_jetstream_bite_and_accounts_lead_out",
        ),
    ),
    Row(
        "own accounts replace the users",
        ("§2.3 users and accounts", "§10 two accounts"),
        (f"{NATS}trap_nats_own_accounts_win", f"{OVER_BROKERS}nats_own_accounts_have_jetstream"),
        (
            new("users beside accounts"),
            f"{ACCOUNTS}accounts_give_logins_and_jetstream_with_limits_permissions_and_exchange",
        ),
    ),
    Row(
        "a removed user keeps working",
        ("rule 14", "§2.3 user removed"),
        (f"{NATS}trap_nats_users_survive", f"{OVER_BROKERS}nats_users_over_real_servers"),
        (
            live("a user goes"),
            f"{ACCOUNTS}a_disabled_user_cannot_log_in_and_the_others_can",
            f"{NATS_ROTATION}a_user_that_was_only_removed_lives_on_until_it_is_retired",
        ),
    ),
    Row(
        "the last user that goes opens the server",
        ("rule 14", "§2.3 users emptied"),
        (f"{NATS}trap_nats_users_emptied",),
        (live("all users go"),),
    ),
    Row(
        "a new password rolls the servers",
        ("§2.3 rotation",),
        (f"{NATS}a_new_password_arrives_and_rolls_the_servers",),
        (consent("NATS password"),),
    ),
    Row(
        "names and passwords stand raw in quoted YAML",
        ("§2.3 raw yaml",),
        (f"{HERE}bites_a_quote_breaks_the_yaml_of_nats",),
        (
            unheard("a user name of NATS that breaks its YAML"),
            unheard("a password of NATS that breaks its YAML"),
        ),
    ),
    Row(
        "a size in quotes is a type error of the server",
        ("§2.3 units",),
        (
            f"{NATS}trap_nats_unit_string",
            f"{SERVER}a_quoted_size_stops_it_and_the_number_that_is_written_here_does_not",
        ),
        (f"{ON_NATS}the_quoted_size_that_stops_the_servers_is_healed_by_the_number",),
    ),
    Row(
        "what the volumes are made of cannot change",
        ("rule 16", "§2.3 fixed claims"),
        (f"{NATS}trap_nats_claim_frozen",),
        (
            impossible("NATS JetStream size"),
            impossible("NATS JetStream off"),
            impossible("NATS storage class"),
        ),
    ),
    Row(
        "fewer servers lose their volumes",
        ("§2.3 fewer servers",),
        (
            f"{NATS}trap_nats_scale_down_data",
            f"{OVER_BROKERS}nats_scale_down_loses_the_removed_servers_data_and_the_rest_stays",
        ),
        (
            consent("NATS servers down"),
            f"{ROLE_SCALE}nats_grows_and_shrinks_with_its_streams_though_each_run_is_killed",
        ),
    ),
    Row(
        "one server is never ready, with JetStream or without",
        ("§2.3 one server", "§10 one server", "§2.3 jetstream false"),
        (
            f"{NATS}trap_nats_single_server",
            f"{BROKERS_NATS}a_single_server_serves_clients_but_never_becomes_ready",
        ),
        (whole("one NATS server"), whole("one NATS server without JetStream")),
    ),
    Row(
        "TLS of clients and routes flips together",
        ("§2.3 tls",),
        (
            f"{SERVER}servers_with_tls_and_without_it_do_not_hear_each_other[TLS comes]",
            f"{SERVER}servers_with_tls_and_without_it_do_not_hear_each_other[TLS goes]",
        ),
        (f"{ON_NATS}tls_that_comes_never_gets_ready_and_is_refused",),
    ),
    Row(
        "the volumes go with the cluster",
        ("rule 19", "§2.3 app deleted"),
        (f"{RELEASES}a_change_makes_the_next_revision_and_a_delete_leaves_nothing",),
        (f"{LIFE}delete_without_consent_is_refused_before_any_write[nats]",),
    ),
    Row(
        "the monitor counts the nats-box pod",
        ("§5 nats-box",),
        (f"{NATS}trap_nats_monitor_box",),
        (
            f"{LIFE}a_change_is_one_write_and_in_force_when_the_task_ends[nats]",
            f"{FACTS}nats_box_is_no_server",
        ),
    ),
    # --- older platforms ------------------------------------------------------------------------------------
    Row(
        "an older platform lacks presets and fields, and ignores or fails them",
        ("§9 presets", "§9 fields"),
        (
            f"{OLDER}new_preset_names_fail_the_schema_of_an_older_chart",
            f"{OLD}the_platform_itself_would_have_ignored_a_version_and_tls_without_a_word",
            f"{OLD}the_platform_itself_would_have_failed_with_a_new_preset",
        ),
        (
            f"{OLD}what_the_platform_lacks_is_refused_with_that_fact",
            f"{OLD}a_preset_is_written_by_the_legacy_name_that_means_the_same",
        ),
    ),
    Row(
        "Ready of an older platform means applied",
        ("§9 ready is applied",),
        (f"{OLDER}ready_does_not_wait_for_what_can_never_be",),
        (
            f"{OLD}a_cluster_lives_from_create_to_delete_on_an_older_platform",
            f"{FACTS}ready_alone_is_not_done_the_monitor_decides",
        ),
    ),
    Row(
        "an older platform has no WorkloadsReady, and answers conflicts",
        ("§9 workloads ready", "§9 conflicts"),
        answered=(
            f"{FACTS}a_record_is_read_whatever_it_lacks",
            f"{ERRORS}a_conflict_is_read_and_planned_again",
        ),
        reason="the API server of the lab is the one of today; its older self is not built",
    ),
)
