//! The Lab page and its form.

use super::*;

fn post(desk: &Desk, fields: &str, form: &str) -> Answer {
    let length = form.len();
    let head = format!("POST /lab HTTP/1.1\r\nHost: 192.168.1.42\r\nContent-Length: {length}\r\n");
    let mut client = Client::sends([format!("{head}{fields}\r\n"), form.into(), get("/lab.json")]);
    client.meets(desk);
    let mut answers = answers(&client.heard, false);
    // Whatever came of it, the next request is answered.
    assert_eq!((answers.len(), answers[1].code), (2, 200));
    answers.remove(0)
}

fn json(desk: &Desk) -> serde_json::Value {
    serde_json::from_slice(&fetch(desk, &get("/lab.json")).content).unwrap()
}

#[test]
fn the_dial_is_turned_by_a_form() {
    let desk = desk();
    let form = "direction=out&loss=5%25&duplicate=&corrupt=&reorder=&delay=10ms&jitter=2ms&rate=";
    let answer = post(&desk, "Origin: http://192.168.1.42\r\n", form);
    assert_eq!((answer.code, answer.field("Location")), (303, Some("/lab")));
    let lab = json(&desk);
    let out = &lab["netem"]["out"];
    assert_eq!(out["loss_per_million"], 50_000);
    assert_eq!(
        (&out["delay_microseconds"], &out["jitter_microseconds"]),
        (&10_000.into(), &2000.into())
    );
    assert_eq!(lab["netem"]["in"]["loss_per_million"], 0);
    let page = fetch(&desk, &get("/lab"));
    assert!(page.text().contains("name=\"loss\" value=\"5%\""), "{}", page.text());
    assert!(page.text().contains("<code>netem out delay 10ms  2ms loss 5%</code>"));
    assert!(page.text().contains("<code>netem in off</code>"));
    assert_eq!(page.text().matches("<details>").count(), 12);
    assert_eq!(post(&desk, "", "direction=both&off=1&loss=5%25").code, 303);
    assert!(desk.dial.iter().all(|dial| dial.get().is_none()));
}

#[test]
fn the_capture_is_switched() {
    let desk = desk();
    assert_eq!(post(&desk, "", "capture=off").code, 303);
    assert!(!desk.recorder.is_on());
    assert_eq!(json(&desk)["capture"]["is_on"], false);
    assert_eq!(post(&desk, "", "capture=on").code, 303);
    assert!(desk.recorder.is_on());
}

#[test]
fn what_is_wrong_with_a_form_changes_nothing() {
    let desk = desk();
    for (form, why) in [
        ("direction=out&loss=200%25", "Illegal \"loss percent\": \"200%\""),
        ("direction=out&reorder=5%25", "reordering not possible without specifying some delay"),
        ("direction=out&jitter=5ms", "What is \"5ms\"?"),
        ("direction=up&loss=5%25", "What is \"up\"?"),
        ("capture=maybe", "What is \"maybe\"?"),
        ("capture=off&loss=5%25&loss=6%25", "no such field, or twice"),
        ("capture=off&fire=1", "no such field, or twice"),
    ] {
        corpus::seed("http_query", form.as_bytes());
        let answer = post(&desk, "", form);
        assert_eq!((answer.code, answer.text()), (400, &*format!("400 Bad Request\n{why}\n")));
    }
    let refused = post(&desk, "Origin: http://evil.example\r\n", "capture=off");
    assert_eq!(refused.code, 403);
    assert!(desk.recorder.is_on() && desk.dial.iter().all(|dial| dial.get().is_none()));
}

#[test]
fn forms_have_an_end() {
    let desk = desk();
    for (fields, code) in
        [("Content-Length: 1025\r\n", 413), ("Transfer-Encoding: chunked\r\n", 411)]
    {
        let request = format!("POST /lab HTTP/1.1\r\nHost: pi\r\n{fields}\r\n");
        assert_eq!(fetch(&desk, &request).code, code, "{fields}");
    }
    let other = fetch(&desk, "POST / HTTP/1.1\r\nHost: pi\r\n\r\n");
    assert_eq!((other.code, other.field("Allow")), (405, Some("GET, HEAD")));
    let other = fetch(&desk, "PUT /lab HTTP/1.1\r\nHost: pi\r\n\r\n");
    assert_eq!((other.code, other.field("Allow")), (405, Some("GET, HEAD, POST")));
}
