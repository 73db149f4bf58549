/* The page of tokens: creates, shows once, lists and revokes them through the Hub's API. */
require(["jhapi", "utils", "moment"], function (JHAPI, utils, moment) {
  "use strict";

  const api = new JHAPI(window.jhdata.base_url);
  const user = window.jhdata.user;
  const at = (id) => document.getElementById(id);
  const maxSeconds = Number(at("tokens").dataset.maxSeconds);
  const service = `${window.location.origin}${window.jhdata.prefix}services/workbench`;
  const ACCESS = ["access:services", "access:services!service=workbench"];

  // --- times -----------------------------------------------------------------------------------

  function showTime(element) {
    const time = moment(element.getAttribute("datetime"));
    const ahead = time.isAfter();
    // For an expiry the day matters, for the past how long ago it was.
    element.textContent = ahead ? `${time.format("YYYY-MM-DD")}, ${time.fromNow()}` : time.fromNow();
    element.title = time.format("YYYY-MM-DD HH:mm");
  }
  document.querySelectorAll("time").forEach((element) => {
    if (element.hasAttribute("datetime")) {
      showTime(element);
    }
  });

  // --- the form --------------------------------------------------------------------------------

  const rights = () => document.querySelector("input[name=rights]:checked");
  const scopeBoxes = [...at("token-scopes").querySelectorAll("input")];
  const lifetime = at("token-expiration-seconds");
  const date = at("token-date");

  document.querySelectorAll("input[name=rights]").forEach((radio) =>
    radio.addEventListener("change", () => {
      at("token-scopes").hidden = rights().value !== "custom";
    }),
  );
  at("scope-all").addEventListener("change", (event) => {
    for (const box of scopeBoxes) {
      if (box !== event.target) {
        box.disabled = event.target.checked;
      }
    }
  });

  const isoDay = (time) => time.format("YYYY-MM-DD");
  lifetime.addEventListener("change", () => {
    const chosen = lifetime.value === "date";
    at("token-date-area").hidden = !chosen;
    date.required = chosen;
    date.min = isoDay(moment());
    if (maxSeconds) {
      date.max = isoDay(moment().add(maxSeconds, "seconds"));
    }
    if (chosen) {
      date.focus();
    }
  });
  // A browser may restore the choice of an earlier visit.
  lifetime.dispatchEvent(new Event("change"));
  rights().dispatchEvent(new Event("change"));

  function fail(text) {
    at("token-error").textContent = text;
    at("token-error").hidden = !text;
  }

  /** The token's lifetime in seconds; null: no expiry. */
  function seconds() {
    if (lifetime.value !== "date") {
      return Number(lifetime.value) || null;
    }
    const left = Math.floor(moment(date.value).endOf("day").diff(moment()) / 1000);
    // The last allowed day ends a little after the limit.
    return maxSeconds ? Math.min(left, maxSeconds) : left;
  }

  /** The scopes to request; null: all that the user has. */
  function scopes() {
    if (rights().value !== "custom") {
      return rights().value.split(" ");
    }
    if (at("scope-all").checked) {
      return null;
    }
    return scopeBoxes.filter((box) => box.checked).map((box) => box.value);
  }

  function words(wanted) {
    if (wanted === null) {
      return at("scope-all").labels[0].textContent;
    }
    return rights().value === "custom"
      ? `${wanted.length} Hub permission${wanted.length > 1 ? "s" : ""}`
      : rights().labels[0].textContent;
  }

  at("request-token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    fail("");
    const wanted = scopes();
    if (wanted !== null && !wanted.length) {
      fail("Choose at least one permission.");
      return;
    }
    const body = { note: at("token-note").value.trim(), expires_in: seconds() };
    if (!body.note) {
      fail("Say what it is for: in a month you will want to know.");
      return;
    }
    if (body.expires_in !== null && body.expires_in < 1) {
      fail("That day has passed.");
      return;
    }
    if (wanted !== null) {
      body.scopes = wanted;
    }
    const text = words(wanted);
    const button = event.target.querySelector("button[type=submit]");
    button.disabled = true;
    api.request_token(user, body, {
      success: (made) => show(made, text, wanted),
      error: (answer) => fail(`No token was created. ${utils.ajax_error_msg(answer)}`),
      complete: () => {
        button.disabled = false;
      },
    });
  });

  // --- the new token ---------------------------------------------------------------------------

  function show(made, text, wanted) {
    at("token-result").value = made.token;
    at("token-examples").hidden = wanted !== null && !wanted.some((scope) => ACCESS.includes(scope));
    at("example-curl").textContent =
      `export WORKBENCH_URL='${service}'\n` +
      `export WORKBENCH_TOKEN='${made.token}'\n` +
      'curl -H "Authorization: Bearer $WORKBENCH_TOKEN" "$WORKBENCH_URL/api/v1/connections"\n';
    at("example-python").textContent =
      "from wb_server.client import Client\n\n" +
      `client = Client("${service}", "${made.token}")\n` +
      "print(client.connections())\n";
    at("token-area").hidden = false;
    at("token-area").focus();

    const row = at("token-row").content.firstElementChild.cloneNode(true);
    const [note, may, , created, ends] = row.cells;
    row.dataset.tokenId = made.id;
    note.textContent = made.note;
    may.textContent = text;
    for (const [cell, time] of [
      [created, made.created],
      [ends, made.expires_at],
    ]) {
      if (time) {
        cell.firstElementChild.setAttribute("datetime", time);
        showTime(cell.firstElementChild);
      } else {
        cell.textContent = "Never";
      }
    }
    rows().prepend(row);
    count();
    at("token-note").value = "";
  }

  document.querySelectorAll("[data-copy]").forEach((button) =>
    button.addEventListener("click", async () => {
      const source = at(button.dataset.copy);
      const text = source.value ?? source.textContent;
      if (navigator.clipboard) {
        await navigator.clipboard.writeText(text);
      } else {
        // Without TLS a browser has no clipboard API, but can copy the selection.
        const area = document.createElement("textarea");
        area.value = text;
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
      }
      button.textContent = "Copied";
      setTimeout(() => {
        button.textContent = "Copy";
      }, 2000);
    }),
  );

  // --- the list --------------------------------------------------------------------------------

  const rows = () => at("api-tokens-table").tBodies[0];

  function count() {
    const some = rows().rows.length > 0;
    at("api-tokens-table").hidden = !some;
    at("no-tokens").hidden = some;
  }
  count();

  const dialog = new bootstrap.Modal(at("revoke-dialog"));
  let chosen = null;
  at("tokens").addEventListener("click", (event) => {
    const button = event.target.closest(".revoke-token-btn");
    if (!button) {
      return;
    }
    chosen = button.closest(".token-row");
    const out = button.textContent !== "Revoke";
    at("revoke-title").textContent = out ? "Sign out of this application?" : "Revoke this token?";
    at("revoke-note").textContent = chosen.querySelector(".note-col").textContent;
    at("revoke-confirm").textContent = button.textContent;
    dialog.show();
  });
  at("revoke-confirm").addEventListener("click", () => {
    const row = chosen;
    const note = row.querySelector(".note-col").textContent;
    dialog.hide();
    api.revoke_token(user, row.dataset.tokenId, {
      // The answer has no body.
      dataType: "text",
      success: () => {
        row.remove();
        count();
        at("token-said").textContent = `Revoked: ${note}`;
      },
      error: (answer) => {
        if (answer.status === 404) {
          // It expired, or was revoked in another tab.
          row.remove();
          count();
        } else {
          utils.ajax_error_dialog(answer);
        }
      },
    });
  });

  // Signals that the page has finished loading, as the Hub's own script does.
  window._jupyterhub_page_loaded = true;
});
