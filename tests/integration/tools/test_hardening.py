"""How ready a service is for trouble, by its catalogue entry and a real repository."""

from datetime import timedelta
from pathlib import Path

from incidents import hardening
from incidents.catalog import Environment, Service
from incidents.clock import SystemClock
from incidents.hardening import Topic
from tests.integration.agents.shop import Shop


async def test_what_is_installed_is_named_with_its_line_and_what_is_missing_with_the_remedy(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    pinned = "starlette==0.49\n# unleash would be nice\nsentry-sdk==2.40\n"
    shop.commit(
        "Begin", {"requirements.txt": pinned, "web/package.json": "{}", "node_modules/x/package.json": "unleash"}
    )
    production = shop.production(switches={"new-prices": ("flags", "off", "new-prices")})
    service = shop.service(production=production, staging=Environment(deploy=("x",)))
    found = await hardening.look(service, SystemClock())
    says = {point.says: point.ready for point in found.points}
    assert says["errors are reported: sentry in requirements.txt:3"]
    assert says["no feature flags are installed, as far as the dependency files say"] is False
    assert says["can be switched off at once in an incident: new-prices"]
    assert says["production has no health and stats address"] is False
    assert says["staging has no rollback command"] is False
    assert says["a release can be taken back by one command"]
    assert [point.says for point in found.points if point.topic is Topic.TRACING] == [
        "analysis reads logs with tracebacks",
        "analysis reads a deploy log",
        "analysis reads a test command",
    ]
    assert all(point.remedy for point in found.missing)


async def test_a_service_without_a_repository_is_judged_by_its_entry_alone(tmp_path: Path) -> None:
    clock = SystemClock()
    for service in (Service(key="shop"), Service(key="shop", repository=str(tmp_path / "gone"))):
        found = await hardening.look(service, clock)
        assert found.unread
        assert not any("dependency files" in point.says for point in found.points)
        assert len(found.missing) == 6
        assert "production has no kill switch" in [point.says for point in found.missing]
    watched = Environment(health="http://a/health", stats="http://a/stats", watch=timedelta(minutes=1))
    assert len((await hardening.look(Service(key="shop", production=watched), clock)).missing) == 5
