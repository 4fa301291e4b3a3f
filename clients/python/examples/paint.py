"""Paint in Python: a program under license, small enough to read.

    python3 paint.py SERVER PRODUCT FOLDER CODE

Draws with a seat and tokens, and gives the license back.
"""

import sys

import lessor


def main(server: str, product: str, folder: str, code: str) -> int:
    with lessor.License(server, product, folder, device_name="paint's easel") as license:
        if license.status().state is lessor.State.NOT_ACTIVATED:
            license.activate(code)
        license.renew_if_due()
        if not license.status().may_run:
            print("not licensed")
            return 1
        license.record("feature_started", "FLOAT", transaction="draw-1")
        with license.hold_seats("FLOAT"), license.hold_tokens("TOKEN", 3) as tokens:
            tokens.spend(2)
            print(f"drawing on edition {license.value('edition')}, {tokens.left} token left")
        license.record("feature_stopped", "FLOAT", transaction="draw-1", data={"strokes": 12})
        license.tidy()
        license.return_license()
        return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except lessor.Error as error:
        print(f"paint: {error} ({error.code})", file=sys.stderr)
        sys.exit(1 if isinstance(error, lessor.Refused) else 2)
