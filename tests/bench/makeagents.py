#!/usr/bin/python3
"""Distinct user agents for dev/bench: makeagents.py COUNT [LOG]

One a line; with a log in combined format its lines instead, each with an agent of its own. The mix is that of a public site:
desktops and phones whose versions, builds and models differ, apps, bots and clients. The same bytes every time."""
import random
import sys

MODELS = """SM-G960F SM-S908B SM-A515F SM-T580 SM-T870 Pixel_6 Pixel_7_Pro Redmi_Note_9_Pro M2101K6G CPH2185 VOG-L29
ELE-L29 moto_g(7)_power LM-Q720 RMX3085 vivo_1906 KFMAWI Nokia_5.3 XT2129-2 2201117TY V2027 SM-A127F SM-M315F
Infinix_X688B TECNO_KE5 ONEPLUS_A6013 HD1913 A063 ASUS_X00TD G8142""".split()
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


def chrome(rng):
    return f"Chrome/{rng.randrange(40, 125)}.0.{rng.randrange(1000, 6500)}.{rng.randrange(220)}"


def windows(rng):
    system = rng.choice(("Windows NT 10.0; Win64; x64", "Windows NT 6.1; WOW64", "Windows NT 6.3; Win64; x64"))
    tail = rng.choice(("", "", f" Edg/{rng.randrange(80, 125)}.0.{rng.randrange(500, 2200)}.{rng.randrange(99)}",
                       f" OPR/{rng.randrange(30, 110)}.0.{rng.randrange(1000, 5000)}.{rng.randrange(220)}"))
    return f"Mozilla/5.0 ({system}) {WEBKIT} {chrome(rng)} Safari/537.36{tail}"


def android(rng):
    version = rng.choice(("5.1.1", "6.0.1", "7.0", "8.1.0", "9", "10", "11", "12", "13"))
    model = rng.choice(MODELS).replace("_", " ")
    build = rng.choice(("", f" Build/{rng.choice('QPORST')}{rng.choice('PQKD')}1A.{rng.randrange(170000, 230000)}"
                        f".{rng.randrange(999):03}"))
    view = rng.random() < 0.3
    app = f" [FB_IAB/FB4A;FBAV/{rng.randrange(200, 400)}.0.0.{rng.randrange(99)}.{rng.randrange(200)};]"
    return (f"Mozilla/5.0 (Linux; Android {version}; {model}{build}{'; wv' if view else ''}) {WEBKIT} "
            f"{'Version/4.0 ' if view else ''}{chrome(rng)} Mobile Safari/537.36{app if view and rng.random() < .5 else ''}")


def ios(rng):
    device = rng.choice(("iPhone; CPU iPhone OS", "iPhone; CPU iPhone OS", "iPad; CPU OS"))
    version = f"{rng.randrange(8, 18)}_{rng.randrange(7)}{rng.choice(('', f'_{rng.randrange(1, 9)}'))}"
    build = f"{rng.randrange(12, 22)}{rng.choice('ABCDEFG')}{rng.randrange(10, 500)}"
    tail = rng.choice((f"Version/{rng.randrange(8, 18)}.{rng.randrange(9)} Mobile/{build} Safari/604.{rng.randrange(9)}",
                       f"CriOS/{rng.randrange(60, 125)}.0.{rng.randrange(1000, 6500)}.{rng.randrange(220)} Mobile/{build} "
                       "Safari/604.1",
                       f"Mobile/{build} Instagram {rng.randrange(100, 300)}.0.0.{rng.randrange(99)}.{rng.randrange(200)}",
                       f"GSA/{rng.randrange(50, 280)}.0.{rng.randrange(600000000)} Mobile/{build} Safari/604.1"))
    return f"Mozilla/5.0 ({device} {version} like Mac OS X) AppleWebKit/605.1.{rng.randrange(1, 50)} (KHTML, like Gecko) {tail}"


def mac(rng):
    kit = f"{rng.randrange(534, 606)}.{rng.randrange(1, 60)}.{rng.randrange(1, 50)}"
    tail = rng.choice((f"Version/{rng.randrange(6, 18)}.{rng.randrange(9)}.{rng.randrange(9)} Safari/{kit}",
                       f"{chrome(rng)} Safari/537.36"))
    return (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_{rng.randrange(6, 16)}_{rng.randrange(9)}) AppleWebKit/{kit} "
            f"(KHTML, like Gecko) {tail}")


def firefox(rng):
    system = rng.choice(("X11; Ubuntu; Linux x86_64", "Windows NT 10.0; Win64; x64", "X11; Linux i686"))
    version = f"{rng.randrange(30, 125)}.{rng.randrange(20)}"
    day = f"20{rng.randrange(10, 24)}{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}"
    return f"Mozilla/5.0 ({system}; rv:{version}) Gecko/{day} Firefox/{version}.{rng.randrange(20)}"


def explorer(rng):
    return (f"Mozilla/5.0 (compatible; MSIE {rng.randrange(6, 11)}.0; Windows NT {rng.randrange(5, 7)}.{rng.randrange(4)}; "
            f"Trident/{rng.randrange(4, 7)}.0; .NET CLR 2.0.{rng.randrange(10**6)}; .NET CLR 3.5.{rng.randrange(10**5)})")


def bot(rng):
    return rng.choice((
        f"Mozilla/5.0 (compatible; ExampleBot-{rng.randrange(10**5)}/{rng.randrange(9)}.{rng.randrange(99)}; +http://example.com/)",
        f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) {WEBKIT} {chrome(rng)} Mobile Safari/537.36 (compatible; "
        "Googlebot/2.1; +http://www.google.com/bot.html)",
        f"facebookexternalhit/1.{rng.randrange(10)} ({rng.randrange(10**7)})"))


def client(rng):
    return rng.choice((
        f"curl/7.{rng.randrange(20, 90)}.{rng.randrange(99)} r{rng.randrange(10**6)}",
        f"python-requests/2.{rng.randrange(40)}.{rng.randrange(10**5)}",
        f"Apache-Maven/3.{rng.randrange(9)}.{rng.randrange(9)} (Java 1.8.0_{rng.randrange(400)}; Linux "
        f"{rng.randrange(3, 6)}.{rng.randrange(20)}.0-{rng.randrange(999)}-generic)"))


KINDS = {windows: 25, android: 30, ios: 20, mac: 10, firefox: 8, bot: 3, client: 2, explorer: 2}


def agents(count):
    rng = random.Random(20150517)
    seen = set()
    while len(seen) < count:
        agent = rng.choices(list(KINDS), KINDS.values())[0](rng)
        if agent not in seen:
            seen.add(agent)
            yield agent


def main():
    count = int(sys.argv[1])
    out = sys.stdout.buffer
    if len(sys.argv) < 3:
        for agent in agents(count):
            out.write(agent.encode() + b"\n")
        return
    with open(sys.argv[2], "rb") as log:
        for line, agent in zip(log, agents(count)):
            out.write(line[:line.rindex(b' "')] + b' "' + agent.encode() + b'"\n')


if __name__ == "__main__":
    main()
