"""The package against a running server, whose address, product and code come in variables.

    LESSOR_SERVER=… LESSOR_PRODUCT=… LESSOR_CODE=… LESSOR_CLIENT_LIBRARY=… python3 -m unittest discover -s tests
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import lessor

SERVER = os.environ["LESSOR_SERVER"]
PRODUCT = os.environ["LESSOR_PRODUCT"]
CODE = os.environ["LESSOR_CODE"]
HERE = Path(__file__).parent


class OnOneDevice(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def open(self, **options) -> lessor.License:
        license = lessor.License(SERVER, PRODUCT, self.folder, **options)
        self.addCleanup(license.close)
        return license

    def test_a_license_is_activated_checked_renewed_and_returned(self) -> None:
        license = self.open(user="ann")
        self.assertIs(license.status().state, lessor.State.NOT_ACTIVATED)
        self.assertIsNone(license.lease())
        self.assertTrue(license.validate(CODE).valid)
        self.assertEqual(license.validate("NO-SUCH-CODE"), lessor.Validation(False, "not_found"))
        license.activate(CODE)
        status = license.status()
        self.assertTrue(status.may_run)
        self.assertGreater(status.at, 0)
        self.assertEqual(license.feature("FLOAT"), lessor.Feature("FLOAT", lessor.FeatureKind.FLOATING, 3))
        self.assertIsNone(license.feature("NONE"))
        self.assertEqual(license.value("edition"), "studio")
        self.assertIsNone(license.value("none"))
        self.assertFalse(license.renew_if_due())
        number = license.lease()["number"]
        license.renew()
        license.heartbeat()
        self.assertEqual(license.lease()["number"], number + 1)
        self.assertEqual(license.lease()["device"], license.device_id)
        license.report_system({"os": sys.platform})
        license.return_license()
        self.assertIs(license.status().state, lessor.State.NOT_ACTIVATED)

    def test_seats_and_tokens_go_back_with_their_block(self) -> None:
        license = self.open()
        license.activate(CODE)
        with license.hold_seats("FLOAT", 2):
            with self.assertRaises(lessor.Refused) as refused:
                license.hold_seats("FLOAT", 2)
            self.assertEqual(refused.exception.code, "no_seat")
        with license.hold_seats("FLOAT", 3) as seats:
            self.assertEqual((seats.feature, seats.count), ("FLOAT", 3))
            seats.return_now()
            with self.assertRaises(lessor.Failed):
                seats.return_now()
        with license.hold_tokens("TOKEN", 3) as tokens:
            tokens.spend(1)
            self.assertEqual(tokens.left, 2)
            with self.assertRaises(lessor.Refused) as refused:
                tokens.spend(3)
            self.assertEqual(refused.exception.code, "too_few_tokens")
        self.assertEqual(license.draw_elements("EPOOL", 2), 2)
        self.assertEqual(license.draw_elements("EPOOL", -2), 0)
        license.return_license()

    def test_what_a_crashed_program_held_is_given_back(self) -> None:
        license = self.open()
        license.activate(CODE)
        crash = f"import lessor, os; held = lessor.License({SERVER!r}, {PRODUCT!r}, {self.folder!r}).hold_seats('FLOAT', 3); os._exit(9)"
        self.assertEqual(subprocess.run([sys.executable, "-c", crash], check=False).returncode, 9)
        license.tidy()
        with license.hold_seats("FLOAT", 3):
            pass
        license.return_license()

    def test_texts_are_kept_and_events_are_taken(self) -> None:
        license = self.open()
        license.activate(CODE)
        known = license.read_text("NOTES")
        written = license.write_text("NOTES", known.text + "one more line: ö\n", known)
        self.assertEqual(license.read_text("NOTES"), written)
        with self.assertRaises(lessor.Refused):
            license.write_text("NOTES", "too late", known)
        license.record("app_started")
        license.record("feature_started", "FLOAT", transaction="t1", data={"pages": 3})
        with self.assertRaises(lessor.Failed):
            license.record("fell_asleep")
        self.assertTrue((Path(self.folder) / "events.jsonl").exists())
        license.tidy()
        self.assertFalse((Path(self.folder) / "events.jsonl").exists())
        license.return_license()

    def test_what_is_counted_is_counted_once(self) -> None:
        license = self.open()
        license.activate(CODE)
        license.record_usage("pages.printed", 3)
        license.record_usage("pages.printed", 4, subject="printer-2", attributes={"paper": "A4"})
        license.record_usage("no.such.meter")
        sent = license.send_usage()
        self.assertEqual((sent.counted, [one.code for one in sent.rejected]), (2, ["meter_unknown"]))
        self.assertEqual(license.send_usage(), lessor.SentUsage(0, []))
        with self.assertRaises(lessor.Failed):
            license.record_usage("pages.printed", -1)
        license.record_usage("pages.printed", 5)
        # It goes with the license.
        license.return_license()
        self.assertFalse((Path(self.folder) / "usage.jsonl").exists())

    def test_a_license_comes_and_goes_through_files(self) -> None:
        license = self.open()
        request = license.offline_request(CODE)
        answer = lessor.carry_request(SERVER, request)
        with self.assertRaises(lessor.Refused) as refused:
            license.accept_answer(answer[:-1] + ("0" if answer[-1] != "0" else "1"))
        self.assertEqual(refused.exception.code, "bad_document")
        license.accept_answer(answer)
        self.assertTrue(license.status().may_run)
        with self.assertRaises(lessor.Refused):
            license.renew()
        proof = license.return_offline()
        self.assertIs(license.status().state, lessor.State.NOT_ACTIVATED)
        lessor.carry_return(SERVER, proof)

    def test_what_cannot_be_is_an_exception_with_a_code(self) -> None:
        license = self.open(attempts=1, timeout=5)
        with self.assertRaises(lessor.Refused) as refused:
            license.activate("NO-SUCH-CODE")
        self.assertEqual(refused.exception.code, "license_unknown")
        for wrong in (lambda: license.activate("a\0b"), lambda: license.hold_seats("FLOAT", -1),
                      lambda: lessor.License("ftp://x", PRODUCT, self.folder)):
            self.assertRaises(lessor.Failed, wrong)
        nowhere = lessor.License("http://127.0.0.1:1", PRODUCT, self.folder + "/2", attempts=1)
        with self.assertRaises(lessor.Unavailable) as away:
            nowhere.activate(CODE)
        self.assertEqual(away.exception.code, "unreachable")
        nowhere.close()
        with self.assertRaises(lessor.Failed):
            nowhere.status()

    def test_the_example_draws(self) -> None:
        paint = [sys.executable, str(HERE.parent / "examples" / "paint.py"), SERVER, PRODUCT, self.folder, CODE]
        drawn = subprocess.run(paint, capture_output=True, text=True, check=False)
        self.assertEqual((drawn.returncode, drawn.stderr), (0, ""))
        self.assertEqual(drawn.stdout, "drawing on edition studio, 1 token left\n")


if __name__ == "__main__":
    unittest.main()
