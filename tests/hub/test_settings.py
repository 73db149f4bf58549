from __future__ import annotations

from pathlib import Path

import pytest

from wb_hub.settings import Oidc, SettingError, from_env


def test_defaults(home: Path) -> None:
    s = from_env({})
    assert s.data_dir == home / ".local/share/workbench"
    assert (s.host, s.port, s.spawner, s.sign_up, s.oidc) == (
        "127.0.0.1",
        8000,
        "simple",
        True,
        None,
    )


def test_data_dir_follows_xdg(home: Path) -> None:
    assert from_env({"XDG_DATA_HOME": "/srv/data"}).data_dir == Path("/srv/data/workbench")
    # The XDG specification says to ignore a relative path.
    assert from_env({"XDG_DATA_HOME": "data"}).data_dir == home / ".local/share/workbench"


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"WB_SPAWNER": "docker"}, "WB_SPAWNER"),
        ({"WB_PORT": "http"}, "WB_PORT"),
        ({"WB_SIGN_UP": "perhaps"}, "WB_SIGN_UP"),
        ({"WB_SERVICE_URL": "http://127.0.0.1:9"}, "WB_SERVICE_TOKEN"),
        ({"WB_OIDC_CLIENT_ID": "x"}, "WB_OIDC_ISSUER"),
        (
            {
                "WB_OIDC_CLIENT_ID": "x",
                "WB_OIDC_CLIENT_SECRET_FILE": "/nowhere",
                "WB_OIDC_ISSUER": "i",
            },
            "/nowhere",
        ),
    ],
)
def test_bad_values_name_their_variable(env: dict[str, str], named: str) -> None:
    with pytest.raises(SettingError, match=named):
        from_env(env)


def test_oidc_secret_from_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    s = from_env(
        {
            "WB_OIDC_CLIENT_ID": "workbench",
            "WB_OIDC_CLIENT_SECRET_FILE": str(tmp_path / "secret"),
            "WB_OIDC_ISSUER": "https://id.example",
            "WB_OIDC_GROUPS_CLAIM": "groups",
            "WB_OIDC_ALLOWED_GROUPS": "viewer, admin",
        }
    )
    assert isinstance(s.oidc, Oidc)
    assert s.oidc.client_secret == "s3cret"
    assert s.oidc.allowed_groups == {"viewer", "admin"}
    assert "s3cret" not in repr(s)
