import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** A Java program as users write them: URLConnection and HttpClient with their defaults. */
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
        HttpClient client = HttpClient.newHttpClient();
        for (String method : new String[] {"GET", "DELETE"}) {
            HttpRequest request = HttpRequest.newBuilder(URI.create("https://api.echo.test/v1/things/7"))
                .header("Authorization", "Bearer " + System.getenv("ECHO_TOKEN")).method(method, HttpRequest.BodyPublishers.noBody()).build();
            HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println("HttpClient " + answer.statusCode() + " " + answer.headers().map() + " " + answer.body());
        }
    }
}
