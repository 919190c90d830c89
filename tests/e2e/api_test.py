#!/usr/bin/python3
"""The API against its own description: the OpenAPI document is valid, and whatever the server answers is what it says; the
forms of answers, what is refused, and the pages."""
import csv
import io
import json
import os
import re
import sys
import urllib.parse

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
from browser_test import browse
from cask import equal
from people_test import CONFIG, PASSWORD, Caller, administrator, log_lines, serve, setup_secret

SCHEMAS = os.path.join(cask.ROOT, "node_modules", "@apidevtools", "openapi-schemas", "schemas", "v3.1", "schema.json")


def dated():
    """A checker that takes times for what they are."""
    checker = jsonschema.FormatChecker(())

    @checker.checks("date-time")
    def _(text):
        return not isinstance(text, str) or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", text)

    return checker


class Contract:
    """Every answer that passes through here is held against the document."""

    def __init__(self, document):
        self.document, self.seen = document, set()

    def resolve(self, o):
        while "$ref" in o:
            name = o["$ref"]
            o = self.document
            for key in name.lstrip("#/").split("/"):
                o = o[key]
        return o

    def validate(self, schema, value, what):
        whole = {**schema, "components": self.document["components"]}
        problem = jsonschema.exceptions.best_match(
            jsonschema.Draft202012Validator(whole, format_checker=dated()).iter_errors(value))
        if problem:
            raise AssertionError(f"{what}: {problem.message} at {list(problem.absolute_path)}")

    def operation(self, method, path):
        for template, item in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path.split("?")[0]) and method.lower() in item:
                return template, item[method.lower()]
        raise AssertionError(f"{method} {path} is in no document")

    def check_request(self, operation, path, doc, what):
        """What was taken must be allowed to be sent."""
        names = {p["name"]: p for p in operation["parameters"] if p["in"] == "query"}
        given = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query, keep_blank_values=True)
        for name in given:
            assert name in names or name == "share", f"{what}: no parameter {name}"
        for name, p in names.items():
            assert name in given or not p["required"], f"{what}: {name} is missing, and was not missed"
        if doc is not None:
            self.validate(operation["requestBody"]["content"]["application/json"]["schema"], doc, what + " as sent")

    def check(self, method, path, answer, doc=None):
        template, operation = self.operation(method, path)
        what = f"{method} {path}: {answer.status}"
        assert str(answer.status) in operation["responses"], f"{what} is not documented"
        response = self.resolve(operation["responses"][str(answer.status)])
        self.seen.add((method, template, answer.status))
        if answer.status < 400:
            self.check_request(operation, path, doc, what)
        if "content" not in response:
            equal(answer.body, b"", what)
            return
        media = answer.headers["content-type"].split(";")[0]
        assert media in response["content"], f"{what}: {media} is not documented"
        if media == "application/json":
            self.validate(response["content"][media]["schema"], answer.json(), what)


class Checked(Caller):
    def __init__(self, server, contract, **more):
        super().__init__(server, **more)
        self.contract = contract

    def ask(self, method, path, doc=None, **headers):
        answer = super().ask(method, path, doc, **headers)
        self.contract.check(method, path, answer, doc if isinstance(doc, (dict, list)) else None)
        return answer


def document_of(server):
    return server.request("GET", "/api/v1/openapi.json").json()


def test_document_is_valid():
    server = serve()
    with open(SCHEMAS, encoding="utf-8") as f:
        schema = json.load(f)
    document = document_of(server)
    problems = list(jsonschema.Draft202012Validator(schema).iter_errors(document))
    assert not problems, problems[:3]
    for name, one in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(one)
    # the validator does see mistakes
    document["paths"]["/healthz"]["get"]["responses"] = {"fine": {}}
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(document))
    equal(document["servers"], [{"url": "/"}])
    equal(server.stop(), 0)


def ask_questions(who):
    q = "/api/v1/query?"
    for parts in ("metrics=hits", "metrics=hits,visitors,bounce_rate&by=day&fill=true&group=country,bot&limit=3&order=hits",
                  "metrics=pageviews,stars,stars_change&compare=year&align=weekday&by=day&bots=include",
                  "metrics=pages_per_session&filter=country=DE&filter=path~^/x&site=a.org&tz=Asia/Kolkata",
                  "metrics=hits&site=all&from=2015-05-20&to=2015-05-21&fill=0&format=json"):
        answer = who.do("GET", q + parts)
        equal(who.do("POST", "/api/v1/query", answer["query"]), answer, "the question that was repeated")
    for parts in ("", "metrics=nonsense", "metrics=hits&format=table", "metrics=hits&fill=maybe", "metrics=hits&metric=hits"):
        who.do("GET", q + parts, status=400)
    who.do("GET", q + "metrics=hits&site=no.such", status=400)
    who.do("POST", "/api/v1/query", {"metrics": [1.5]}, 400)
    who.do("GET", "/api/v1/realtime")
    who.do("GET", "/api/v1/realtime?site=a.org")


def change_documents(admin):
    for path, key, doc, change in (("users", "name", {"name": "ed", "role": "editor", "password": PASSWORD}, {"sites": ["a.org"]}),
                                   ("sites", "name", {"name": "made.org"}, {"timezone": "Asia/Kolkata"}),
                                   ("sources", "id", {"id": "made", "site": "a.org"}, {"format": "combined"})):
        path = f"/api/v1/{path}"
        admin.do("POST", path, doc, 201)
        admin.do("POST", path, doc, 409)
        admin.do("POST", path, {}, 400)
        admin.do("GET", path)
        one = f"{path}/{doc[key]}"
        tag = admin.ask("GET", one).headers["etag"]
        admin.do("PATCH", one, change, If_Match=tag)
        admin.do("PUT", one, change, 412, If_Match=tag)
        admin.do("PUT", one, change)
        admin.do("DELETE", one, status=412, If_Match=tag)
        admin.do("DELETE", one, status=204)
        admin.do("GET", one, status=404)
    admin.do("DELETE", "/api/v1/sources/declared", status=409)
    admin.do("POST", "/api/v1/tokens", {"name": "t", "scopes": ["read"], "expires": "2100-01-01"}, 201)
    admin.do("POST", "/api/v1/tokens", {"name": "t"}, 400)
    admin.do("GET", "/api/v1/tokens")
    admin.do("DELETE", "/api/v1/tokens/t", status=204)
    share = admin.do("POST", "/api/v1/shares", {"sites": ["a.org"]}, 201)
    admin.do("GET", "/api/v1/shares")
    return share


def test_answers_are_what_the_document_says():
    data = cask.Data(CONFIG)
    data.load("--site", "a.org", data.file(log_lines(5)))
    server = serve(data=data)
    contract = Contract(document_of(server))
    nobody, admin = Checked(server, contract), Checked(server, contract)
    cask.wait_for(lambda: server.request("GET", "/readyz").status == 200)
    for path in ("/", "/setup", "/healthz", "/readyz", "/metrics", "/beacon.js", "/api/v1/openapi.json", "/api/v1/session"):
        nobody.ask("GET", path)
    nobody.do("GET", "/api/v1/query?metrics=hits", status=401)
    admin.take(admin.ask("POST", "/api/v1/setup", {"token": setup_secret(server), "name": "Ada", "password": PASSWORD}))
    admin.do("GET", "/api/v1/session")
    ask_questions(admin)
    share = change_documents(admin)
    guest = Checked(server, contract, share=share["share"])
    guest.do("GET", "/api/v1/sites")
    guest.do("GET", "/api/v1/users", status=403)
    admin.do("DELETE", "/api/v1/shares/" + share["id"], status=204)
    nobody.do("POST", "/api/v1/session", {"name": "Ada", "password": "wrong"}, 401)
    for event in ({"n": "pageview", "u": "https://a.org/", "d": "a.org"}, [{"name": "x", "url": "https://a.org/", "p": {"a": 1}}]):
        nobody.do("POST", "/api/event", event, 204)
    nobody.do("POST", "/api/event", {"n": "pageview"}, 400)
    nobody.ask("GET", "/b.gif?d=a.org&u=https://a.org/")
    nobody.ask("OPTIONS", "/api/event")
    source = Checked(server, contract, token="declared-token")
    source.do("POST", "/ingest/declared", log_lines(1), 204)
    source.do("POST", "/ingest/other", log_lines(1), 404)
    nobody.do("POST", "/ingest/declared", log_lines(1), 401)
    admin.take(admin.ask("PUT", "/api/v1/session/password", {"old": PASSWORD, "password": PASSWORD + "!"}))
    admin.do("DELETE", "/api/v1/session", status=204)
    nobody.login("Ada", PASSWORD + "!")
    done = {(method, path) for method, path, status in contract.seen if status < 400}
    missing = [f"{method.upper()} {path}" for path, item in contract.document["paths"].items() for method in item
               if (method.upper(), path) not in done and path != "/api/v1/changes"]
    equal(missing, [], "operations that were not tried")
    equal(server.stop(), 0)


def test_tables_of_text():
    data = cask.Data(CONFIG)
    data.load("--site", "a.org", data.file(log_lines(5)))
    server = serve(data=data)
    path = "/api/v1/query?metrics=hits,visitors&group=path&order=hits"
    rows = server.request("GET", path, local=True).json()["rows"]
    for form, media, separator in (("csv", "text/csv", ","), ("tsv", "text/tab-separated-values", "\t")):
        for _ in range(2):  # computed, and kept
            answer = server.request("GET", path + "&format=" + form, local=True)
            equal((answer.status, answer.headers["content-type"].split(";")[0]), (200, media))
            read = list(csv.DictReader(io.StringIO(answer.body.decode()), delimiter=separator))
            equal([{**row, "hits": int(row["hits"]), "visitors": int(row["visitors"])} for row in read], rows, form)
        posted = server.request("POST", "/api/v1/query?format=" + form, json.dumps(
            {"metrics": ["hits", "visitors"], "group": ["path"], "order": "hits"}), local=True)
        equal(posted.body, answer.body)
    equal(server.stop(), 0)


def test_mistakes_are_named_as_they_were_written():
    server = serve()
    for parts, says in (("from=yesterday", "from: "), ("to=2015-13-01", "to: "), ("fill=maybe", "fill 'maybe'"),
                        ("from=2015-05-02&to=2015-05-01", "from 2015-05-02 is not before to 2015-05-01"),
                        ("from=1970-01-01&to=2100-01-01&by=hour", "coarser grain (by)"), ("format=xml", '"xml"'),
                        ("dimensions=path", "'dimensions'"), ("zone=UTC", "'zone'")):
        answer = server.request("GET", "/api/v1/query?metrics=hits&" + parts, local=True)
        equal(answer.status, 400, parts)
        error = answer.json()["error"]
        assert says in error and "--" not in error, error
    equal(server.stop(), 0)


def test_pages():
    server = serve()
    secret = setup_secret(server)
    base = f"http://127.0.0.1:{server.port}"
    for path in ("/", "/?share=x", "/setup"):
        answer = server.request("GET", path)
        equal((answer.status, answer.headers["content-type"]), (200, "text/html; charset=utf-8"))
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
    fill = """for (const [name, value] of [["name", "Ada"], ["password", "%s"]]) document.forms[0][name].value = value"""
    said = """new Promise((done) => { setInterval(() => {
        const said = document.querySelector("[role=status]").textContent; if (said) done(said); }, 20); })"""
    values = browse(0, ["goto", base + "/"], ["eval", "getComputedStyle(document.body).maxWidth"],
                    ["goto", f"{base}/setup#wrong"], ["eval", fill % PASSWORD], ["click", "button"], ["eval", said],
                    ["goto", "about:blank"],
                    ["goto", f"{base}/setup#{secret}"], ["eval", fill % PASSWORD], ["click", "button"],
                    ["eval", said], ["eval", "location.href"],
                    ["eval", 'fetch("api/v1/session").then((answer) => answer.json())'])
    assert values[0] != "none", "the style of the page is not let in"
    assert "link" in values[2], values
    equal(values[4:6], ["ada is the administrator now.", base + "/setup"])
    equal((values[6]["user"], values[6]["role"]), ("ada", "admin"))
    equal(server.stop(), 0)


def test_port_in_use():
    server = serve()
    other = cask.Server(cask.Data(CONFIG), port=server.port, wait=False)
    equal(other.process.wait(60), 1, "exit code")
    said = other.log()
    assert f"127.0.0.1:{server.port}: Address already in use" in said, said
    for event in ("ready", "listening"):
        assert f"event={event}" not in said, said
    assert "/setup#" not in said, said
    equal(server.stop(), 0)


if __name__ == "__main__":
    cask.main(globals())
