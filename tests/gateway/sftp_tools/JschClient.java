import com.jcraft.jsch.ChannelSftp;
import com.jcraft.jsch.JSch;
import com.jcraft.jsch.Session;
import com.jcraft.jsch.SftpException;
import java.io.File;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;

/**
 * Brings the folder `up` to a folder of the gateway and back with JSch, and breaks a transfer off each way.
 *
 * <p>{@code JschClient.java PORT KNOWN_HOSTS LOGIN PASSWORD FOLDER full|add|blind}
 */
public class JschClient {
  static final int BROKEN_OFF = 120_000;

  static String[] arguments;
  static Session session;
  static ChannelSftp sftp;

  interface Act {
    void run() throws Exception;
  }

  static void connect() throws Exception {
    JSch jsch = new JSch();
    jsch.setKnownHosts(arguments[1]);
    session = jsch.getSession(arguments[2], "127.0.0.1", Integer.parseInt(arguments[0]));
    session.setPassword(arguments[3]);
    session.setConfig("PreferredAuthentications", "password");
    session.connect();
    sftp = (ChannelSftp) session.openChannel("sftp");
    sftp.connect();
  }

  /** In names it takes these for patterns. */
  static String at(String name) {
    return (arguments[4] + "/" + name).replaceAll("([\\\\?*])", "\\\\$1");
  }

  static void check(boolean holds, String what) {
    if (!holds) throw new AssertionError(what);
  }

  static void refused(String what, Act act) throws Exception {
    try {
      act.run();
    } catch (SftpException refused) {
      return;
    }
    throw new AssertionError(what + " was to be refused");
  }

  static void putAll(File local, String remote) throws Exception {
    sftp.mkdir(at(remote));
    for (File file : local.listFiles()) {
      String to = remote + "/" + file.getName();
      if (file.isDirectory()) putAll(file, to);
      else sftp.put(file.getPath(), at(to));
    }
  }

  static Set<String> names(String remote) throws Exception {
    Set<String> names = new TreeSet<>();
    for (Object entry : sftp.ls(at(remote))) names.add(((ChannelSftp.LsEntry) entry).getFilename());
    names.removeAll(Arrays.asList(".", ".."));
    return names;
  }

  static void getAll(String remote, File local) throws Exception {
    check(local.mkdir(), "a folder");
    for (String name : names(remote)) {
      String from = remote.isEmpty() ? name : remote + "/" + name;
      File to = new File(local, name);
      if (sftp.stat(at(from)).isDir()) getAll(from, to);
      else sftp.get(at(from), to.getPath());
    }
  }

  static void breakAnUploadOff(byte[] content) throws Exception {
    connect();
    OutputStream broken = sftp.put(at("resumed.bin"));
    broken.write(content, 0, BROKEN_OFF);
    broken.flush();
    session.disconnect();
  }

  static void resume(int length) throws Exception {
    for (int tries = 0; ; tries++) {
      try {
        if (sftp.stat(at("resumed.bin")).getSize() > 0) break;
      } catch (SftpException notYet) {
        check(tries < 100, "what came of a broken upload");
      }
      Thread.sleep(50);
    }
    sftp.put("up/resumed.bin", at("resumed.bin"), ChannelSftp.RESUME);
    check(sftp.stat(at("resumed.bin")).getSize() == length, "the upload went on");
  }

  static void put() throws Exception {
    sftp.put("up/whole.bin", at("whole.bin"));
    int then = (int) (new File("up/whole.bin").lastModified() / 1000);
    sftp.setMtime(at("whole.bin"), then);
    check(sftp.stat(at("whole.bin")).getMTime() == then, "the time is read back");
    putAll(new File("up/tree"), "tree");
    putAll(new File("up/names"), "names");
    Set<String> sent = new TreeSet<>(Arrays.asList(new File("up/names").list()));
    Set<String> listed = names("names");
    check(listed.equals(arguments[5].equals("blind") ? Set.of() : sent), listed.toString());
  }

  static void replace() throws Exception {
    switch (arguments[5]) {
      case "full":
        sftp.put("first.txt", at("replaced.txt"));
        sftp.put("up/replaced.txt", at("draft"));
        sftp.rename(at("draft"), at("replaced.txt"));
        break;
      case "add":
        sftp.put("up/replaced.txt", at("replaced.txt"));
        refused("a put over another", () -> sftp.put("first.txt", at("replaced.txt")));
        refused("a rename over another", () -> sftp.rename(at("replaced.txt"), at("whole.bin")));
        refused("a removal", () -> sftp.rm(at("whole.bin")));
        break;
      default:
        sftp.put("up/replaced.txt", at("draft"));
        sftp.rename(at("draft"), at("replaced.txt"));
    }
  }

  static void get() throws Exception {
    if (arguments[5].equals("blind")) {
      refused("a get", () -> sftp.get(at("whole.bin"), "got"));
      refused("a removal", () -> sftp.rm(at("whole.bin")));
      return;
    }
    getAll("", new File("back"));
    sftp.get(at("whole.bin"), "continued.bin", null, ChannelSftp.RESUME);
  }

  public static void main(String[] given) throws Exception {
    arguments = given;
    byte[] content = Files.readAllBytes(Path.of("up/resumed.bin"));
    breakAnUploadOff(content);
    connect();
    resume(content.length);
    put();
    replace();
    get();
    session.disconnect();
  }
}
