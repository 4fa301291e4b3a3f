/* Paint in C: a program under license, small enough to read.
 *
 *     cc -o paint paint.c -I../include -L../../../target/debug -llessorclient
 *     LD_LIBRARY_PATH=../../../target/debug ./paint SERVER PRODUCT FOLDER COMMAND [ARGUMENTS]
 *
 * It exits with 0 if all went well, 1 if the license is why it did not, 2 otherwise, and says why on standard error.
 */
#include <lessor.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program unless the call did what it says. */
static void must(const char *what, LessorResult result)
{
    if (result == LESSOR_RESULT_OK) {
        return;
    }
    fprintf(stderr, "paint: %s: %s (%s)\n", what, lessor_error_text(), lessor_error_code());
    exit(result == LESSOR_RESULT_REFUSED ? 1 : 2);
}

static char *read_file(const char *name)
{
    FILE *file = fopen(name, "rb");
    size_t room = 65536, length;
    char *text = malloc(room + 1);
    if (file == NULL || text == NULL) {
        fprintf(stderr, "paint: cannot read %s\n", name);
        exit(2);
    }
    length = fread(text, 1, room, file);
    text[length] = '\0';
    fclose(file);
    return text;
}

static void write_file(const char *name, char *text)
{
    FILE *file = fopen(name, "wb");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        fprintf(stderr, "paint: cannot write %s\n", name);
        exit(2);
    }
    lessor_string_free(text);
}

static void show_status(const LessorLicense *license)
{
    static const char *const words[] = {"not activated", "not yet", "valid", "in grace", "expired", "clock set back"};
    LessorStatus status;
    must("status", lessor_status(license, &status));
    printf("%s%s\n", words[status.state], status.may_run ? ", drawing" : "");
}

/* What a day of work looks like: a seat and tokens for as long as they are needed, and a renewal if it is time. */
static void work(const LessorLicense *license)
{
    LessorSeats *seats = NULL;
    LessorTokens *tokens = NULL;
    LessorFeature feature;
    uint32_t left = 0;
    bool renewed = false;
    char *edition = NULL;

    must("renew", lessor_renew_if_due(license, &renewed));
    must("feature", lessor_feature(license, "FLOAT", &feature));
    must("value", lessor_value(license, "edition", &edition));
    printf("FLOAT is %s, %lld in all; edition %s\n", feature.on ? "on" : "off", (long long)feature.limit,
           edition == NULL ? "unknown" : edition);
    lessor_string_free(edition);

    must("event", lessor_record(license, "feature_started", "FLOAT", "work-1", "{\"pages\": 3}"));
    must("seats", lessor_hold_seats(license, "FLOAT", 1, &seats));
    must("tokens", lessor_hold_tokens(license, "TOKEN", 3, &tokens));
    must("spend", lessor_tokens_spend(tokens, 2, &left));
    printf("spent two tokens, %u left\n", (unsigned)left);
    must("return tokens", lessor_tokens_return(tokens));
    must("return seats", lessor_seats_return(seats));
    must("event", lessor_record(license, "feature_stopped", "FLOAT", "work-1", NULL));
    must("tidy", lessor_tidy(license));
    show_status(license);
}

int main(int count, char **words)
{
    LessorConfig config;
    LessorLicense *license = NULL;
    const char *command = count > 4 ? words[4] : "";
    const char *first = count > 5 ? words[5] : NULL;
    const char *second = count > 6 ? words[6] : NULL;
    char *text = NULL;

    if (count < 5) {
        fprintf(stderr, "usage: paint SERVER PRODUCT FOLDER COMMAND [ARGUMENTS]\n");
        return 2;
    }
    memset(&config, 0, sizeof config);
    config.size = sizeof config;
    config.server = words[1];
    config.product = words[2];
    config.folder = words[3];
    must("open", lessor_open(&config, &license));

    if (strcmp(command, "activate") == 0) {
        must("activate", lessor_activate(license, first));
        show_status(license);
    } else if (strcmp(command, "status") == 0) {
        show_status(license);
    } else if (strcmp(command, "work") == 0) {
        work(license);
    } else if (strcmp(command, "hold") == 0 && second != NULL) { /* FEATURE N, and go away without a word */
        LessorSeats *seats = NULL;
        must("seats", lessor_hold_seats(license, first, (uint32_t)strtoul(second, NULL, 10), &seats));
    } else if (strcmp(command, "count") == 0 && second != NULL) { /* METER N: one at a time, then all at once to the server */
        unsigned long left = strtoul(second, NULL, 10);
        uint64_t counted = 0;
        while (left-- > 0) {
            must("count", lessor_record_usage(license, first, 1, NULL, "{\"paper\": \"A4\"}"));
        }
        must("send", lessor_send_usage(license, &counted, &text));
        printf("counted %llu, not %s\n", (unsigned long long)counted, text);
        lessor_string_free(text);
    } else if (strcmp(command, "tidy") == 0) {
        must("tidy", lessor_tidy(license));
    } else if (strcmp(command, "validate") == 0) {
        bool valid = false;
        must("validate", lessor_validate(license, first, NULL, &valid, &text));
        printf("%s%s\n", valid ? "good" : "no good: ", valid ? "" : text);
        lessor_string_free(text);
    } else if (strcmp(command, "renew") == 0) {
        must("renew", lessor_renew(license));
        must("heartbeat", lessor_heartbeat(license));
        show_status(license);
    } else if (strcmp(command, "return") == 0) {
        must("return", lessor_return(license));
        show_status(license);
    } else if (strcmp(command, "request") == 0 && second != NULL) { /* CODE FILE */
        must("request", lessor_offline_request(license, first, &text));
        write_file(second, text);
    } else if (strcmp(command, "carry") == 0 && second != NULL) { /* FILE ANSWER: as a connected computer */
        char *request = read_file(first);
        must("carry", lessor_carry_request(words[1], request, &text));
        write_file(second, text);
        free(request);
    } else if (strcmp(command, "accept") == 0 && first != NULL) { /* FILE */
        char *answer = read_file(first);
        must("accept", lessor_accept_answer(license, answer));
        free(answer);
        show_status(license);
    } else if (strcmp(command, "return-offline") == 0 && first != NULL) { /* FILE */
        must("return", lessor_return_offline(license, &text));
        write_file(first, text);
    } else if (strcmp(command, "carry-return") == 0 && first != NULL) { /* FILE: as a connected computer */
        char *proof = read_file(first);
        must("carry", lessor_carry_return(words[1], proof));
        free(proof);
    } else {
        fprintf(stderr, "paint: unknown command %s\n", command);
        lessor_close(license);
        return 2;
    }
    lessor_close(license);
    return 0;
}
