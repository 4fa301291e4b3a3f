/* Lessor's client library for programs under license. Generated from the sources of crates/client-c; do not edit. */

#ifndef LESSOR_H
#define LESSOR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// How a call went.
typedef enum {
  // It did what it says.
  LESSOR_RESULT_OK = 0,
  // The license is the reason why not: refused, not activated, not genuine.
  LESSOR_RESULT_REFUSED = 1,
  // The server could not be asked; the same call may well succeed a little later.
  LESSOR_RESULT_UNAVAILABLE = 2,
  // The configuration, the state folder or the computer is the reason.
  LESSOR_RESULT_FAILED = 3,
  // An argument is a null pointer that may not be one, is not UTF-8, or cannot be meant.
  LESSOR_RESULT_BAD_ARGUMENT = 4,
  // The library has a fault. Whatever was being done may be half done.
  LESSOR_RESULT_INTERNAL = 5,
} LessorResult;

// What a license allows now.
typedef enum {
  // Nothing is activated.
  LESSOR_STATE_NOT_ACTIVATED = 0,
  // The lease has not begun.
  LESSOR_STATE_NOT_YET = 1,
  // All is well.
  LESSOR_STATE_VALID = 2,
  // The lease is over, but the program may go on while it tells the user so.
  LESSOR_STATE_GRACE = 3,
  // The lease is over.
  LESSOR_STATE_EXPIRED = 4,
  // The device's clock was set back, so that nobody knows what the lease allows.
  LESSOR_STATE_CLOCK_SET_BACK = 5,
} LessorState;

// How a feature is measured out.
typedef enum {
  // On or off.
  LESSOR_FEATURE_KIND_FLAG = 0,
  // Seats that are held and given back.
  LESSOR_FEATURE_KIND_FLOATING = 1,
  // Elements that are drawn and given back.
  LESSOR_FEATURE_KIND_POOL = 2,
  // Tokens that are checked out, and used up or given back.
  LESSOR_FEATURE_KIND_TOKENS = 3,
  // A text that the program keeps on the server.
  LESSOR_FEATURE_KIND_STORE = 4,
} LessorFeatureKind;

// A product's license on this device.
typedef struct LessorLicense LessorLicense;

// Floating seats that are held until `lessor_seats_return`.
typedef struct LessorSeats LessorSeats;

// Tokens that are held until `lessor_tokens_return`.
typedef struct LessorTokens LessorTokens;

// How to reach the server, for which product, and where to keep state. Set everything to zero, then `size`, then what
// matters; what stays zero has its usual value.
typedef struct {
  // `sizeof(LessorConfig)`, so that the library knows which version of it the program was built with.
  size_t size;
  // Address of the server, such as `https://licenses.example`.
  const char *server;
  // The product's native id, or an alias `dialect:product:number`.
  const char *product;
  // Folder for the state; made if missing. One folder is one device identity for one product.
  const char *folder;
  // The device's id; null lets the library make one.
  const char *device;
  // A stable id of the container or instance that the program runs in, in place of the device's; may be null.
  const char *instance;
  // What people call the device; may be null.
  const char *device_name;
  // The user's name; may be null.
  const char *user;
  // The virtual platform that the device runs on, if it does; may be null.
  const char *virtual_platform;
  // The product's public keys, each 64 hexadecimal digits. Without any, keys are fetched at first and then kept.
  const char *const *keys;
  // How many keys there are.
  size_t key_count;
  // How often a call is tried in all when the server cannot be reached or is busy.
  uint32_t attempts;
  // How long one attempt may take, in milliseconds.
  uint32_t timeout_milliseconds;
} LessorConfig;

// How a license stands.
typedef struct {
  // What it allows.
  LessorState state;
  // May the program do its work?
  bool may_run;
  // Unix seconds: when that changes, or changed; 0 where there is no such moment.
  int64_t at;
} LessorStatus;

// A feature, as the lease has it.
typedef struct {
  // Is it on, and does the lease let the program run? The rest means something only then.
  bool on;
  // How it is measured out.
  LessorFeatureKind kind;
  // How much of it the license has in all; below 0 = no limit.
  int64_t limit;
} LessorFeature;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The stable code of what went wrong in this thread's last call, such as `no_seat`; empty after a success. It is the
// library's and valid until this thread's next call.
const char *lessor_error_code(void);

// What went wrong in this thread's last call, as a sentence; empty after a success. It is the library's and valid until
// this thread's next call.
const char *lessor_error_text(void);

// Takes that many more floating seats of the feature. Copies of the program on this device add up. Should the program
// end without `lessor_seats_return`, the next copy of it gives them back.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them; `seats` is null or a place for a pointer.
LessorResult lessor_hold_seats(const LessorLicense *license, const char *feature, uint32_t count, LessorSeats **seats);

// Gives the seats back and frees the handle, also where it fails: the seats are then given back later.
//
// # Safety
// The handle is null or came from `lessor_hold_seats` and was not returned before.
LessorResult lessor_seats_return(LessorSeats *seats);

// Checks out that many tokens. Should the program end without `lessor_tokens_return`, the next copy of it gives back
// those that were not spent.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them; `tokens` is null or a place for a pointer.
LessorResult lessor_hold_tokens(const LessorLicense *license,
                                const char *feature,
                                uint32_t amount,
                                LessorTokens **tokens);

// Uses up that many of the tokens; the server learns it when the rest goes back. `left`, which may be null, gets how many
// are left.
//
// # Safety
// The handle is null or came from `lessor_hold_tokens`; `left` is null or a place for a number.
LessorResult lessor_tokens_spend(const LessorTokens *tokens,
                                 uint32_t amount,
                                 uint32_t *left);

// Gives the tokens back that were not spent and frees the handle, also where it fails: they are then given back later.
//
// # Safety
// The handle is null or came from `lessor_hold_tokens` and was not returned before.
LessorResult lessor_tokens_return(LessorTokens *tokens);

// Draws elements from a pool; a negative amount puts them back. `held`, which may be null, gets how many the device has
// now.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them; `held` is null or a place for a number.
LessorResult lessor_draw_elements(const LessorLicense *license, const char *feature, int64_t amount, int64_t *held);

// Opens the state folder, or makes it with a new device identity. Makes no call to the server. Close the handle with
// `lessor_close`.
//
// # Safety
// `config` is null or as its type says; `license` is null or a place for a pointer.
LessorResult lessor_open(const LessorConfig *config, LessorLicense **license);

// Closes a license. What is activated stays so. Seats and tokens that are held stay valid. Null is left alone.
//
// # Safety
// The handle is null or came from `lessor_open` and was not closed before.
void lessor_close(LessorLicense *license);

// Activates a license by its code. Asking again for the license that is held is no error and takes no second place.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them.
LessorResult lessor_activate(const LessorLicense *license, const char *code);

// Activates a license by its code for a long time without the server: a long-term check-out, for so many days.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them.
LessorResult lessor_activate_for_days(const LessorLicense *license, const char *code, uint32_t days);

// Activates the license that an end user has a right to. The password is sent and not kept.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them.
LessorResult lessor_sign_in(const LessorLicense *license, const char *user_name, const char *password);

// Starts a trial.
//
// # Safety
// The handle is null or came from `lessor_open`.
LessorResult lessor_start_trial(const LessorLicense *license);

// Gives the license back to the server and forgets it here. Without a connection it is kept; `lessor_return_offline` is
// for that case.
//
// # Safety
// The handle is null or came from `lessor_open`.
LessorResult lessor_return(const LessorLicense *license);

// Asks the server for the next lease now. If that fails, the lease that is held works on until it ends.
//
// # Safety
// The handle is null or came from `lessor_open`.
LessorResult lessor_renew(const LessorLicense *license);

// Renews if it is time to; `renewed` tells whether there is a new lease and may be null. Meant to be called at start and
// every few minutes. A server that cannot be reached is no failure: the next try comes later.
//
// # Safety
// The handle is null or came from `lessor_open`; `renewed` is null or a place for a bool.
LessorResult lessor_renew_if_due(const LessorLicense *license,
                                 bool *renewed);

// Tells the server that the program is still there, so that its place and seats stay its own.
//
// # Safety
// The handle is null or came from `lessor_open`.
LessorResult lessor_heartbeat(const LessorLicense *license);

// Gives back seats and tokens that a crashed copy of the program held, and sends the events and the usage that
// wait.
//
// # Safety
// The handle is null or came from `lessor_open`.
LessorResult lessor_tidy(const LessorLicense *license);

// What the license allows now, judged without a connection.
//
// # Safety
// The handle is null or came from `lessor_open`; `status` is null or a place for one.
LessorResult lessor_status(const LessorLicense *license, LessorStatus *status);

// The feature of that code.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them; `feature` is null or a place for one.
LessorResult lessor_feature(const LessorLicense *license, const char *code, LessorFeature *feature);

// The license's value of that name; null if there is none or the lease does not let the program run. Free it.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them; `value` is null or a place for a pointer.
LessorResult lessor_value(const LessorLicense *license, const char *name, char **value);

// The lease that is held, whether or not it still counts, as JSON; null if there is none. Free it.
//
// # Safety
// The handle is null or came from `lessor_open`; `json` is null or a place for a pointer.
LessorResult lessor_lease(const LessorLicense *license, char **json);

// The device's id, given or made. Free it.
//
// # Safety
// The handle is null or came from `lessor_open`; `id` is null or a place for a pointer.
LessorResult lessor_device_id(const LessorLicense *license, char **id);

// Asks the server whether a code is good for this product, and for the feature if one is named (it may be null). Nothing
// needs to be activated, and nothing is. `reason`, which may be null, gets why not as a code, or null; free it.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them; `valid` and `reason` are null or places for
// what they get.
LessorResult lessor_validate(const LessorLicense *license,
                             const char *code,
                             const char *feature,
                             bool *valid,
                             char **reason);

// Writes a request for a license (or for a trial, if the code is null) that somebody carries to the server. Free it.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them; `request` is null or a place for a pointer.
LessorResult lessor_offline_request(const LessorLicense *license, const char *code, char **request);

// Takes the answer to the open request.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them.
LessorResult lessor_accept_answer(const LessorLicense *license, const char *answer);

// Destroys the license on this device and gives the proof of it, which somebody carries to the server. Free it.
//
// # Safety
// The handle is null or came from `lessor_open`; `proof` is null or a place for a pointer.
LessorResult lessor_return_offline(const LessorLicense *license, char **proof);

// As a computer with a connection: hands in an offline request and gives the answer to carry back. Free it.
//
// # Safety
// Strings are null or as the library expects them; `answer` is null or a place for a pointer.
LessorResult lessor_carry_request(const char *server, const char *request, char **answer);

// As a computer with a connection: hands in a proof of return.
//
// # Safety
// Strings are null or as the library expects them.
LessorResult lessor_carry_return(const char *server, const char *proof);

// Writes an event down, to be sent in a batch with the next `lessor_tidy`. The kind is one of `app_started`,
// `app_stopped`, `signed_in`, `signed_out`, `feature_started`, `feature_stopped`, `exception`. The feature, the
// transaction (what joins a beginning with its end) and the data (JSON) may be null.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them.
LessorResult lessor_record(const LessorLicense *license,
                           const char *kind,
                           const char *feature,
                           const char *transaction,
                           const char *data);

// Writes down, durably, how much the program counted for a meter, to be sent in a batch with the next `lessor_send_usage` or
// `lessor_tidy`; it is counted once, however often it has to be sent. The subject (what was used or by whom; null is this
// device) and the attributes (a JSON object) may be null.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them.
LessorResult lessor_record_usage(const LessorLicense *license,
                                 const char *meter,
                                 uint64_t value,
                                 const char *subject,
                                 const char *attributes);

// Sends what was counted and waits. `counted`, which may be null, gets how many records the server counts, those included
// that it knew before; `rejected`, which may be null, a JSON list of those that it will not count, each an object with
// `meter`, `code` and `detail`. Free it.
//
// # Safety
// The handle is null or came from `lessor_open`; `counted` is null or a place for a number, `rejected` null or a place for a
// pointer.
LessorResult lessor_send_usage(const LessorLicense *license,
                               uint64_t *counted,
                               char **rejected);

// Reports facts about the device, as a JSON object. Replaces what was reported before.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them.
LessorResult lessor_report_system(const LessorLicense *license, const char *facts);

// Reports who uses the program, as a JSON object.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them.
LessorResult lessor_report_consumer(const LessorLicense *license, const char *consumer);

// Reads the text that is kept for a feature. `tag`, which may be null, gets what tells this state of it from every
// other. Free both.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them; `text` and `tag` are null or places for
// pointers.
LessorResult lessor_read_text(const LessorLicense *license, const char *feature, char **text, char **tag);

// Writes the text that is kept for a feature, 4096 bytes at most. With the tag of the state that the program knows,
// nothing is written over that another device wrote since; null writes in any case. `new_tag`, which may be null, gets
// the tag of what is there then; free it.
//
// # Safety
// Handles and strings are null or as the library gave them or expects them; `new_tag` is null or a place for a pointer.
LessorResult lessor_write_text(const LessorLicense *license,
                               const char *feature,
                               const char *text,
                               const char *tag,
                               char **new_tag);

// Frees a string that the library gave. Null is left alone.
//
// # Safety
// The pointer is null, or came out of this library as a string to be freed and was not freed before.
void lessor_string_free(char *text);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* LESSOR_H */
