import http.client
import threading

import pytest

from optiscope.errors import InputError, StoreError
from optiscope.report import page_server


@pytest.fixture
def server(tmp_path):
    (tmp_path / "report.html").write_text("<p>é</p>", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("no")
    with page_server(tmp_path / "report.html", 0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ask(server, path="/", host=None, method="GET"):
    port = server.server_address[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.putrequest(method, path, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{port}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def test_it_listens_on_this_machine_alone(server):
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("path", ["/", "/report.html", "/report.html?x=1"])
def test_the_page_is_served(server, path):
    answer, body = ask(server, path)
    assert (answer.status, body.decode()) == (200, "<p>é</p>")
    assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
    assert answer.getheader("Cache-Control") == "no-store"


def test_localhost_is_a_name_of_it_and_a_head_has_no_body(server):
    answer, body = ask(server, host=f"LOCALHOST:{server.server_address[1]}", method="HEAD")
    assert (answer.status, answer.getheader("Content-Length"), body) == (200, "9", b"")


@pytest.mark.parametrize(
    "host", ["evil.example:{port}", "127.0.0.1.evil.example:{port}", "127.0.0.1", "127.0.0.1:1", ""]
)
def test_another_name_is_refused(server, host):
    answer, body = ask(server, host=host.format(port=server.server_address[1]))
    assert answer.status == 421
    assert b"<p>" not in body


@pytest.mark.parametrize("path", ["/secret.txt", "/../secret.txt", "/%2e%2e/secret.txt", "http://evil.example/"])
def test_there_is_nothing_else(server, path):
    answer, body = ask(server, path)
    assert answer.status == 404
    assert body != b"no"


def test_what_is_not_a_question_is_not_answered(server):
    assert ask(server, method="POST")[0].status == 501


def test_bad_input_is_one_line(tmp_path, server):
    with pytest.raises(StoreError, match="is not there: write the report first"):
        page_server(tmp_path / "nowhere.html")
    with pytest.raises(InputError, match=r"cannot serve on port \d+: .*; give another"):
        page_server(tmp_path / "report.html", server.server_address[1])
    with pytest.raises(InputError, match="port must be between 0 and 65535, got 70000"):
        page_server(tmp_path / "report.html", 70000)
