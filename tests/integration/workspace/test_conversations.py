import pytest
from slack_sdk.errors import SlackApiError


async def refusal(call) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response["error"]


async def test_a_channel_lives_from_creation_to_archive(client, ava):
    created = (await client.conversations_create(name="inc-7-checkout"))["channel"]
    channel = created["id"]
    assert created["is_member"]
    assert created["is_channel"]
    await client.conversations_invite(channel=channel, users=["U0AVA", "U0BEN"])
    await ava.wait_for_channel(lambda c: c["id"] == channel and c["is_member"])
    topic = await client.conversations_setTopic(channel=channel, topic="SEV1 · stabilize")
    assert topic["channel"]["topic"]["value"] == "SEV1 · stabilize"
    purpose = await client.conversations_setPurpose(channel=channel, purpose="Why")
    assert purpose["channel"]["purpose"]["value"] == "Why"
    assert (await client.conversations_rename(channel=channel, name="inc-7"))["channel"]["name"] == "inc-7"
    members = (await client.conversations_members(channel=channel))["members"]
    assert {"U0AVA", "U0BEN"} < set(members)
    await client.conversations_kick(channel=channel, user="U0BEN")
    info = (await client.conversations_info(channel=channel, include_num_members=True))["channel"]
    assert (info["num_members"], info["previous_names"]) == (2, ["inc-7-checkout"])
    await client.conversations_archive(channel=channel)
    assert (await client.conversations_info(channel=channel))["channel"]["is_archived"]
    await client.conversations_unarchive(channel=channel)
    subtypes = [m.get("subtype") for m in (await client.conversations_history(channel=channel))["messages"]][::-1]
    assert subtypes == [
        "channel_join", "channel_join", "channel_join", "channel_topic", "channel_purpose", "channel_name",
        "channel_leave", "channel_archive", "channel_unarchive",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("general", "name_taken"),
        ("", "invalid_arguments"),
        ("With Space", "invalid_name_specials"),
        ("a.b", "invalid_name_specials"),
        ("---", "invalid_name_punctuation"),
        ("x" * 81, "invalid_name_maxlength"),
    ],
)
async def test_names_that_slack_refuses(client, name, error):
    assert await refusal(client.conversations_create(name=name)) == error


async def test_names_in_any_script_are_taken(client):
    assert (await client.conversations_create(name="störung-结账"))["channel"]["name"] == "störung-结账"


async def test_invitations_that_slack_refuses(client, ava):
    me = (await client.auth_test())["user_id"]
    channel = (await client.conversations_create(name="room"))["channel"]["id"]
    await client.conversations_invite(channel=channel, users="U0AVA")
    assert await refusal(client.conversations_invite(channel=channel, users="U0AVA")) == "already_in_channel"
    assert await refusal(client.conversations_invite(channel=channel, users=me)) == "cant_invite_self"
    assert await refusal(client.conversations_invite(channel=channel, users="U0NOBODY")) == "user_not_found"
    assert await refusal(client.conversations_invite(channel=ava.channel_id("general"), users="U0BEN")) == (
        "not_in_channel"
    )
    forced = await client.conversations_invite(channel=channel, users="U0NOBODY,U0BEN", force=True)
    assert forced["errors"] == [{"user": "U0NOBODY", "ok": False, "error": "user_not_found"}]
    assert "U0BEN" in (await client.conversations_members(channel=channel))["members"]
    await client.conversations_archive(channel=channel)
    assert await refusal(client.conversations_invite(channel=channel, users="U0BEN")) == "is_archived"
    assert await refusal(client.conversations_archive(channel=channel)) == "already_archived"
    assert await refusal(client.conversations_setTopic(channel=channel, topic="x")) == "is_archived"


async def test_topics_longer_than_250_characters_are_refused(client):
    channel = (await client.conversations_create(name="room"))["channel"]["id"]
    assert await refusal(client.conversations_setTopic(channel=channel, topic="x" * 251)) == "too_long"


async def test_private_channels_are_invisible_to_others(client, ava, ben):
    secret = ben.channel_id("secret")
    assert await refusal(client.conversations_info(channel=secret)) == "channel_not_found"
    assert "secret" not in [row["name"] for row in ava.screen.channels.values()]
    private = (await client.conversations_create(name="inc-private", is_private=True))["channel"]
    assert private["is_private"]
    assert private["is_group"]
    listed = (await client.conversations_list(types="public_channel,private_channel"))["channels"]
    assert {row["name"] for row in listed} == {"general", "inc-private"}


async def test_joining_twice_warns(client, ava):
    general = ava.channel_id("general")
    assert "warning" not in (await client.conversations_join(channel=general)).data
    assert (await client.conversations_join(channel=general))["warning"] == "already_in_channel"


async def test_lists_are_paged(client):
    for number in range(5):
        await client.conversations_create(name=f"c{number}")
    names, cursor = [], ""
    while True:
        page = await client.conversations_list(limit=2, cursor=cursor)
        names += [row["name"] for row in page["channels"]]
        cursor = page["response_metadata"]["next_cursor"]
        if not cursor:
            break
    assert names == ["general", "c0", "c1", "c2", "c3", "c4"]
    assert await refusal(client.conversations_list(cursor="nonsense")) == "invalid_cursor"


async def test_direct_conversations_are_opened_once(client):
    first = await client.conversations_open(users="U0AVA")
    again = await client.conversations_open(users="U0AVA", return_im=True)
    assert first["channel"]["id"] == again["channel"]["id"]
    assert again["already_open"]
    assert again["channel"]["user"] == "U0AVA"
    group = await client.conversations_open(users="U0AVA,U0BEN")
    assert group["channel"]["is_mpim"]
    assert await refusal(client.conversations_open(users="U0NOBODY")) == "user_not_found"


async def test_people_are_found_by_id_and_by_address(client):
    ava = (await client.users_info(user="U0AVA"))["user"]
    assert ava["profile"]["email"] == "ava@example.com"
    assert (await client.users_lookupByEmail(email="BEN@example.com"))["user"]["id"] == "U0BEN"
    assert await refusal(client.users_lookupByEmail(email="nobody@example.com")) == "users_not_found"
    assert await refusal(client.users_info(user="U0NOBODY")) == "user_not_found"
    members = (await client.users_list())["members"]
    assert {"ava", "ben", "ops", "slackbot"} == {user["name"] for user in members}


async def test_user_groups_hold_people(client):
    group = (await client.usergroups_create(name="On call", handle="oncall"))["usergroup"]["id"]
    await client.usergroups_users_update(usergroup=group, users=["U0AVA"])
    assert (await client.usergroups_users_list(usergroup=group))["users"] == ["U0AVA"]
    assert (await client.usergroups_list(include_users=True))["usergroups"][0]["users"] == ["U0AVA"]
    assert await refusal(client.usergroups_create(name="Other", handle="oncall")) == "handle_already_exists"
