import java.net.HttpURLConnection;
import java.net.URL;

/** A Java program as users write them: URLConnection with its defaults. */
public class Client {
    public static void main(String[] args) throws Exception {
        for (String method : new String[] {"GET", "DELETE"}) {
            HttpURLConnection call = (HttpURLConnection) new URL("https://api.echo.test/v1/things/7").openConnection();
            call.setRequestMethod(method);
            call.setRequestProperty("Authorization", "Bearer " + System.getenv("ECHO_TOKEN"));
            int status = call.getResponseCode();
            byte[] body = (status < 400 ? call.getInputStream() : call.getErrorStream()).readAllBytes();
            System.out.println(status + " " + call.getHeaderFields() + " " + new String(body));
        }
    }
}
