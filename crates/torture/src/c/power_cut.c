/* Shuts a mounted ext4 file system down at once, without writing out its journal: what a power cut leaves. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define EXT4_IOC_SHUTDOWN _IOR('X', 125, uint32_t)
#define NO_LOG_FLUSH 2

int main(int count, char **words) {
    uint32_t how = NO_LOG_FLUSH;
    int folder = count == 2 ? open(words[1], O_RDONLY | O_DIRECTORY) : -1;
    if (folder < 0 || ioctl(folder, EXT4_IOC_SHUTDOWN, &how) != 0) {
        perror("power cut");
        return 1;
    }
    return 0;
}
